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
                                                            "h,v,1,a,fp8,1e300,256,17,3\n"
                                                            "h,v,1,a,fp8,128,256,17,1e-300\n"
                                                            "h,v,1,a,fp8,128,256\n"),
                            &file);
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_EQ(file.rows, 9);
  EXPECT_EQ(file.excluded.rows(), 8);
  EXPECT_EQ(file.excluded.by_reason.at("a latency that is no number").first_line, 3);
  EXPECT_EQ(file.excluded.by_reason.at("a latency that is zero or negative").rows, 2);
  EXPECT_EQ(file.excluded.by_reason.at("a dimension over 1e8").first_line, 8);
  EXPECT_EQ(file.excluded.by_reason.at("a latency under 1 ns").first_line, 9);
  EXPECT_EQ(file.excluded.by_reason.at("a wrong number of cells").first_line, 10);
}

void expect_refused(const std::string& name, const std::string& text, const std::string& message) {
  try {
    rows_of(write(name, text));
    ADD_FAILURE() << text;
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find(message), std::string::npos) << e.what();
  }
}

TEST(MeasurementFile, NamesTheColumnsThatDiffer) {
  const std::string without_k = "system,framework,dtype,n,m,latency_us\nh,v,fp8,1,2,3\n";
  const std::string without_n = "system,framework,dtype,k,m,latency_us\nh,v,fp8,1,2,3\n";
  expect_refused("gemm.csv", without_k, "gemm.csv:1: columns: given a table of gemm without k;");
  expect_refused("my_gemm.csv", without_n, "a table of gemm without n;");
  expect_refused("mine.csv", without_n, "a table of gemm without n;");
  expect_refused("mine.csv",
                 "system,framework,dtype,n,k,m,colour,latency_us\nh,v,fp8,1,2,3,red,4\n",
                 "a table of gemm with the unknown colour;");
  expect_refused("mine.csv", "system,framework,dtype,n,k,m,n,latency_us\nh,v,fp8,1,2,3,1,4\n",
                 "mine.csv:1: columns: given twice n;");
  EXPECT_EQ(rows_of(write("fp8_quantize.csv", without_n)).size(), 1u);
}

TEST(MeasurementFile, RefusesAPackedTableWithColumnsThatAreNoValues) {
  const std::string sweep = "# sweep: m\nsystem,framework,dtype,n,k,";
  expect_refused("mine.csv", sweep + "1,-5\nh,v,fp8,1,2,3,4\n", "mine.csv:2: m: given -5;");
  expect_refused("mine.csv", sweep + "1,0\nh,v,fp8,1,2,3,4\n", "mine.csv:2: m: given 0;");
  expect_refused("mine.csv", sweep + "1,1e300\nh,v,fp8,1,2,3,4\n", "mine.csv:2: m: given 1e300;");
  expect_refused("mine.csv", sweep + "1,abc\nh,v,fp8,1,2,3,4\n", "with the unknown abc;");
  expect_refused("mine.csv", sweep + "m,1\nh,v,fp8,1,2,3,4\n", "given a column of this name;");
  expect_refused("mine.csv", sweep + "\nh,v,fp8,1,2,\n", "given no column of a swept value;");
  expect_refused("mine.csv", sweep + "1,16\nh,v,fp8,1,2,3,4\na,b\n",
                 "mine.csv:4: given 2 cells; allowed: 7 cells");
  expect_refused("mine.csv", "# sweep: dtype\nsystem,framework,n,k,m,1\nh,v,1,2,3,4\n",
                 "sweep: given dtype; allowed: a dimension");
}

TEST(MeasurementFile, ReadsByteOrderMarksAndCarriageReturns) {
  const auto rows = rows_of(write("mine.csv",
                                  "\xEF\xBB\xBF# sweep: m\r\nsystem,framework,dtype,n,k,1,16\r\n"
                                  "h100_sxm,vllm,fp8,128,256,2.5,3.5\r\n\r\n"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].system, "h100_sxm");
  EXPECT_EQ(rows[1].dims[2], 16);
  EXPECT_EQ(rows[1].us, 3.5);
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
