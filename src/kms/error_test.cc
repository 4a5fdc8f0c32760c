#include "kms/error.h"

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

struct Row {
  Fault fault;
  int number;
  std::string_view name;
  bool denial;
  bool outage;
  Code code;
};

constexpr Row kRows[] = {
    {Fault::denied, 1, "denied", true, false, Code::denied},
    {Fault::disabled, 2, "disabled", true, false, Code::denied},
    {Fault::not_found, 3, "not_found", true, false, Code::denied},
    {Fault::throttled, 4, "throttled", false, true, Code::unavailable},
    {Fault::unavailable, 5, "unavailable", false, true, Code::unavailable},
    {Fault::malformed, 6, "malformed", false, false, Code::wrong_key},
    {Fault::configuration, 7, "configuration", false, false, Code::invalid_argument},
    {Fault::ambiguous, 8, "ambiguous", false, true, Code::unavailable},
};

TEST(KmsFault, TaxonomyIsTheDocumentedOne) {
  for (const Row& row : kRows) {
    EXPECT_EQ(static_cast<int>(row.fault), row.number);
    EXPECT_EQ(fault_name(row.fault), row.name);
    EXPECT_EQ(is_denial(row.fault), row.denial) << row.name;
    EXPECT_EQ(is_outage(row.fault), row.outage) << row.name;
    EXPECT_EQ(Error(row.fault, "why").to_error().code(), row.code) << row.name;
  }
}

TEST(KmsError, RequestIdIsToldWhereThereIsOne) {
  EXPECT_EQ(Error(Fault::denied, "no grant").to_error().message(), "no grant");
  EXPECT_EQ(Error(Fault::denied, "no grant", "r-1").to_error().message(), "no grant (request r-1)");
}

}  // namespace
}  // namespace keyhold::kms
