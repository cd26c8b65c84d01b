#include "astrolabe/network/measurements.h"

#include <gtest/gtest.h>

#include <string>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

const std::string kCollectiveHeader =
    "system,framework,fw_version,library,op,kernel,dtype,num_gpus,scope,bytes,latency_us,n_"
    "samples\n";

TEST(MeasurementsTest, CollectivesAreReadAndOddRowsCounted) {
  const CsvTable t = CsvTable::parse(
      kCollectiveHeader +
          "h100_sxm,sglang,0.5.9,custom_allreduce,all_reduce,X_eager,bfloat16,8,intra,4096,21.5,1\n"
          "h100_sxm,nccl,2.29.2,nccl,all_gather,NCCL,half,4,intra,1024,7,1\n"
          "h100_sxm,nccl,2.29.2,nccl,all_gather,NCCL,half,4,intra,1024,0,1\n"
          "h100_sxm,nccl,2.29.2,nccl,all_gather,NCCL,half,4,intra,-2,7,1\n"
          "h100_sxm,nccl,2.29.2,nccl,all_gather,NCCL,half,1,intra,1024,7,1\n"
          "h100_sxm,nccl,2.29.2,nccl,gossip,NCCL,half,4,intra,1024,7,1\n",
      "t.csv");
  EXPECT_EQ(schema_of(t), MeasurementSchema::kCollectives);
  const auto read = read_collectives(t);
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].key.shape.implementation, Implementation::kCustomEager);
  EXPECT_EQ(read.rows[0].key.shape.ranks, 8);
  EXPECT_DOUBLE_EQ(read.rows[0].time.in(units::microsecond), 21.5);
  EXPECT_EQ(read.rows[1].key.shape.operation, Operation::kAllGather);
  EXPECT_EQ(read.excluded.size(), 4u);
  EXPECT_EQ(read.excluded.at("unknown operation gossip"), 1);
}

TEST(MeasurementsTest, CellsThatAreNoNumberAreCountedAndMissingColumnsAreErrors) {
  const auto reason = [](const std::string& row) {
    const auto read = read_collectives(CsvTable::parse(kCollectiveHeader + row + "\n", "t.csv"));
    return read.rows.empty() ? read.excluded.begin()->first : "";
  };
  EXPECT_EQ(reason("h,n,2,nccl,all_gather,NCCL,half,4,intra,1024,nan,1"), "latency is no number");
  EXPECT_EQ(reason("h,n,2,nccl,all_gather,NCCL,half,4,intra,,7,1"), "size is no number");
  EXPECT_EQ(reason("h,n,2,nccl,all_gather,NCCL,half,4,intra,1e300,7,1"), "size above 1e13");
  EXPECT_EQ(reason("h,n,2,nccl,all_gather,NCCL,half,four,intra,8,7,1"),
            "fewer than 2 ranks, or above a million");
  EXPECT_EQ(reason("h,n,2,bananas,all_gather,NCCL,half,4,intra,8,7,1"), "unknown library bananas");
  EXPECT_THROW(read_collectives(CsvTable::parse("system,op\nh,all_gather\n", "t.csv")), InputError);
}

TEST(MeasurementsTest, ExchangesOfNodesAndOfRanks) {
  const CsvTable t = CsvTable::parse(
      "system,framework,fw_version,library,op,kernel,dtype,num_gpus,nodes,hidden,topk,experts,sms,"
      "num_tokens,latency_us\n"
      "gb200,trtllm,1.3,trtllm_alltoall,alltoall_prepare,NVLinkTwoSided,nvfp4,32,,7168,8,256,,16,"
      "15\n"
      "h100_sxm,sglang,0.5,deepep_ll,dispatch,deepep,fp8,,2,7168,8,256,,16,30\n"
      "h100_sxm,sglang,0.5,deepep_ll,dispatch,deepep,fp8,,2,7168,0,256,,16,30\n",
      "t.csv");
  EXPECT_EQ(schema_of(t), MeasurementSchema::kMoeAlltoall);
  const auto read = read_moe_alltoall(t, {{"h100_sxm", 8}});
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].key.shape.ranks, 32);
  EXPECT_TRUE(read.rows[0].key.shape.is_preparation);
  EXPECT_EQ(read.rows[1].key.shape.ranks, 16);  // 2 nodes of 8
  EXPECT_TRUE(read.rows[1].key.shape.every_copy);
  EXPECT_EQ(read.excluded.at("hidden, topk or experts not above 0, or above 1e6"), 1);
}

TEST(MeasurementsTest, VidurRowsKnowTheirNodes) {
  const CsvTable t = CsvTable::parse(
      "platform,op,num_gpus,gpus_per_node,bytes,latency_us\n"
      "a100_dgx,all_reduce,16,8,2048,65\na100_dgx,send_recv,2,4,2048,8\n",
      "t.csv");
  EXPECT_EQ(schema_of(t), MeasurementSchema::kVidurNetwork);
  const auto read = read_vidur_network(t);
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].key.shape.ranks_per_node, 8);
  EXPECT_EQ(read.excluded.at("gpus_per_node not of 1 to num_gpus"), 1);
}

}  // namespace
}  // namespace astrolabe::network
