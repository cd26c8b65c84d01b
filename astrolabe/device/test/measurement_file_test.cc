#include "astrolabe/device/measurement_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "astrolabe/base/error.h"

namespace astrolabe::device {
namespace {

std::string write(const std::string& name, const std::string& text) {
  std::string path = testing::TempDir() + name;
  std::ofstream(path) << text;
  return path;
}

struct Row {
  std::string system, kernel, dtype;
  Dims dims;
  double us;
};

std::vector<Row> rows_of(const std::string& path, MeasurementFile* file = nullptr) {
  std::vector<Row> rows;
  MeasurementFile read = read_measurements(path, [&](const Measurement& m) {
    rows.push_back({std::string(m.system), std::string(m.kernel), std::string(m.categories[0]),
                    m.dims, m.latency_us});
  });
  if (file != nullptr) *file = std::move(read);
  return rows;
}

const std::string kHeader = "system,framework,fw_version,kernel,dtype,n,k,m,latency_us\n";

TEST(MeasurementFile, ReadsALongTable) {
  const auto rows = rows_of(write("long.csv", kHeader + "h100_sxm,vllm,1,a,fp8,128,256,17,4.5\n"));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].dtype, "fp8");
  EXPECT_EQ(rows[0].dims[0], 128);
  EXPECT_EQ(rows[0].dims[1], 256);
  EXPECT_EQ(rows[0].dims[2], 17);
  EXPECT_EQ(rows[0].us, 4.5);
}

TEST(MeasurementFile, ReadsAPackedTable) {
  const auto rows = rows_of(write("gemm.csv",
                                  "# sweep: m\nsystem,framework,fw_version,kernel,dtype,n,k,1,16\n"
                                  "h100_sxm,vllm,1,a,fp8,128,256,2.5,\n"
                                  "h100_sxm,vllm,1,a,fp8,128,512,2.6,3.5\n"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].dims[2], 1);
  EXPECT_EQ(rows[2].dims[2], 16);
  EXPECT_EQ(rows[2].us, 3.5);
}

TEST(MeasurementFile, CountsWhatItLeavesOut) {
  MeasurementFile file;
  const auto rows = rows_of(write("bad_rows.csv", kHeader + "h,v,1,a,fp8,128,256,17,4.5\n"
                                                            "h,v,1,a,fp8,128,256,17,nan\n"
                                                            "h,v,1,a,fp8,128,256,17,-1\n"
                                                            "h,v,1,a,fp8,128,256,17,0\n"
                                                            "h,v,1,a,fp8,128,256,17,1e12\n"
                                                            "h,v,1,a,fp8,-5,256,17,3\n"
                                                            "h,v,1,a,fp8,128,256\n"),
                            &file);
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_EQ(file.rows, 7);
  EXPECT_EQ(file.excluded.rows(), 6);
  EXPECT_EQ(file.excluded.by_reason.at("a latency that is no number").first_line, 3);
  EXPECT_EQ(file.excluded.by_reason.at("a latency that is zero or negative").rows, 2);
  EXPECT_EQ(file.excluded.by_reason.at("a wrong number of cells").first_line, 8);
}

TEST(MeasurementFile, NamesTheMissingColumns) {
  try {
    rows_of(write("gemm.csv", "system,framework,dtype,n,m,latency_us\nh,v,fp8,1,2,3\n"));
    FAIL();
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find("gemm without k"), std::string::npos) << e.what();
  }
}

TEST(MeasurementFile, RefusesWhatIsNoTableOfOperators) {
  EXPECT_THROW(rows_of(write("x.csv", "a,b\n1,2\n")), InputError);
  EXPECT_THROW(rows_of(write("y.csv", "a,latency_us\n1,2\n")), InputError);
  EXPECT_THROW(rows_of(write("z.csv", kHeader)), InputError);
}

TEST(MeasurementFile, TellsFamiliesByTheirColumns) {
  EXPECT_EQ(family_of_columns("t.csv", {"system", "framework", "mla_dtype", "kv_cache_dtype",
                                        "num_heads", "batch", "kv_len", "latency_us"}),
            Family::kLatentDecode);
  EXPECT_EQ(family_of_columns(
                "t.csv", {"system", "framework", "attn_dtype", "kv_cache_dtype", "head_dim",
                          "num_heads", "num_kv_heads", "window", "batch", "kv_len", "latency_us"}),
            Family::kAttentionDecode);
  // The name of the file decides where two families have the same columns.
  const std::vector<std::string> module = {"system",         "framework", "model",     "mla_dtype",
                                           "kv_cache_dtype", "gemm_type", "num_heads", "batch",
                                           "kv_len",         "latency_us"};
  EXPECT_EQ(family_of_columns("withheld_dsa_decode.csv", module), Family::kSparseModuleDecode);
  EXPECT_EQ(family_of_columns("dsa_decode.csv.zst", module), Family::kSparseModuleDecode);
  EXPECT_EQ(family_of_columns("mla_module_decode.csv", module), Family::kLatentModuleDecode);
}

}  // namespace
}  // namespace astrolabe::device
