#include "astrolabe/base/zstd_file.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdio>
#include <fstream>

#include "astrolabe/base/error.h"

namespace astrolabe {
namespace {

std::string compress(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  const std::size_t n = ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size());
  ZSTD_freeCCtx(context);
  EXPECT_EQ(ZSTD_isError(n), 0u);
  out.resize(n);
  return out;
}

std::string rows(int n) {
  std::string text = "a,b\n";
  for (int i = 0; i < n; ++i) text += std::to_string(i) + "," + std::to_string(i % 977) + "\n";
  return text;
}

std::string write(const char* name, const std::string& content) {
  std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(ZstdFile, ReturnsWhatWasCompressed) {
  const std::string text = rows(100000);
  EXPECT_EQ(read_zstd_file(write("whole.zst", compress(text))), text);
}

TEST(ZstdFile, ReadsFramesOneAfterTheOther) {
  EXPECT_EQ(decompress_zstd(compress("a,b\n") + compress("1,2\n"), "x"), "a,b\n1,2\n");
}

TEST(ZstdFile, ReadsPlainText) { EXPECT_EQ(read_zstd_file(write("plain", "a\n1\n")), "a\n1\n"); }

TEST(ZstdFile, RefusesEveryTruncation) {
  const std::string whole = compress(rows(500));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_THROW(decompress_zstd(whole.substr(0, size), "x"), InputError) << size;
  }
}

TEST(ZstdFile, RefusesDamage) {
  std::string damaged = compress(rows(5000));
  for (std::size_t i = 40; i < 60; ++i) damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
  EXPECT_THROW(decompress_zstd(damaged, "x"), InputError);
}

TEST(ZstdFile, RefusesTooMuchContent) {
  EXPECT_THROW(decompress_zstd(compress(rows(5000)), "x", 1000), InputError);
}

TEST(ZstdFile, RefusesMissingEmptyBinaryAndDirectories) {
  EXPECT_THROW(read_zstd_file("no/such/file.zst"), InputError);
  EXPECT_THROW(read_zstd_file(write("blank", " \n")), InputError);
  EXPECT_THROW(read_zstd_file(write("binary", std::string("a\0b", 3))), InputError);
  EXPECT_THROW(read_zstd_file(testing::TempDir()), InputError);
}

}  // namespace
}  // namespace astrolabe
