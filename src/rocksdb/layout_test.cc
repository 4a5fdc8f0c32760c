#include "rocksdb/layout.h"

#include <array>

#include <gtest/gtest.h>

namespace keyhold::rocks {
namespace {

struct Row {
  std::string_view path;
  store::Layout layout;
};

constexpr store::Layout kTable = store::Layout::table;
constexpr store::Layout kLog = store::Layout::log;

constexpr std::array kRows = {
    Row{"/s/db/000012.sst", kTable},
    Row{"/s/db/000012.ldb", kTable},
    Row{"/s/db/000012.blob", kTable},
    Row{"/s/bulk/input.sst", kTable},
    Row{"/s/db/000012.sst.trash", kTable},
    Row{"/s/db/000012.sst0.trash", kLog},  // never written: trash is renamed into place
    Row{"/s/db/000012.blob.tmp", kTable},
    Row{"/s/backup/shared/000012.sst", kTable},
    Row{"/s/backup/shared_checksum/000012_sABCDEF0123456789_1234.sst", kTable},
    Row{"/s/backup/shared_checksum/.000012_sABCDEF0123456789_1234.sst.tmp", kTable},
    Row{"/s/backup/shared_checksum/000013_77_1234.blob", kTable},
    Row{"/s/backup/private/1.tmp/MANIFEST-000004", kLog},
    Row{"/s/backup/meta/1", kLog},
    Row{"/s/backup/meta/.1.tmp", kLog},
    Row{"/s/db/000011.log", kLog},
    Row{"/s/db/archive/000011.log", kLog},
    Row{"/s/db/MANIFEST-000004", kLog},
    Row{"/s/db/CURRENT", kLog},
    Row{"/s/db/000004.dbtmp", kLog},
    Row{"/s/db/IDENTITY", kLog},
    Row{"/s/db/LOG", kLog},
    Row{"/s/db/LOG.old.1700000000000000", kLog},
    Row{"/s/db/OPTIONS-000007", kLog},
    Row{"/s/db/OPTIONS-000007.dbtmp", kLog},
    Row{"/s/db/000012.sst_dump.txt", kLog},
    Row{"/s/db.sst/CURRENT", kLog},
    Row{"/s/db/.sst", kLog},
    Row{"/s/db/blob_dir/000012.blob", kLog},
    Row{"", kLog},
};

TEST(Layout, NameDecides) {
  for (const Row& row : kRows) EXPECT_EQ(layout_of(row.path), row.layout) << row.path;
}

}  // namespace
}  // namespace keyhold::rocks
