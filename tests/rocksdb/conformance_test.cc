// The same operations on RocksDB's own FileSystem and on ours: the same kind of status, the same
// answers.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keyhold-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string kind_of(const rocksdb::Status& status) {
  return fmt::format("code {} subcode {}", static_cast<int>(status.code()),
                     static_cast<int>(status.subcode()));
}

struct Place {
  FileSystem& files;
  std::string root;
  [[nodiscard]] std::string at(const std::string& name) const { return root + "/" + name; }
};

IOStatus write(const Place& place, const std::string& name, const std::string& content) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = place.files.NewWritableFile(place.at(name), FileOptions(), &file, nullptr);
  if (status.ok()) status = file->Append(content, IOOptions(), nullptr);
  if (status.ok()) status = file->Fsync(IOOptions(), nullptr);
  if (status.ok()) status = file->Close(IOOptions(), nullptr);
  return status;
}

std::string read_all(const Place& place, const std::string& name) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  const IOStatus status =
      place.files.NewSequentialFile(place.at(name), FileOptions(), &file, nullptr);
  if (!status.ok()) return kind_of(status);
  std::array<char, 10000> scratch{};
  rocksdb::Slice result;
  const IOStatus read = file->Read(scratch.size(), IOOptions(), &result, scratch.data(), nullptr);
  return read.ok() ? result.ToString() : kind_of(read);
}

struct Operation {
  const char* name;
  std::function<std::string(const Place&)> run;
};

template <typename File>
std::string open_kind(IOStatus (FileSystem::*open)(const std::string&, const FileOptions&,
                                                   std::unique_ptr<File>*,
                                                   rocksdb::IODebugContext*),
                      const Place& place, const std::string& name) {
  std::unique_ptr<File> file;
  const IOStatus status = (place.files.*open)(place.at(name), FileOptions(), &file, nullptr);
  return fmt::format("{} {}", kind_of(status), file != nullptr);
}

std::vector<Operation> opening() {
  return {
      {"open a missing file to read it sequentially",
       [](const Place& p) { return open_kind(&FileSystem::NewSequentialFile, p, "missing"); }},
      {"open a missing file to read it at random",
       [](const Place& p) { return open_kind(&FileSystem::NewRandomAccessFile, p, "missing"); }},
      {"create in a missing folder",
       [](const Place& p) { return open_kind(&FileSystem::NewWritableFile, p, "missing/x"); }},
      {"reopen a missing file creates it",
       [](const Place& p) {
         const std::string text = open_kind(&FileSystem::ReopenWritableFile, p, "anew");
         return text + kind_of(p.files.FileExists(p.at("anew"), IOOptions(), nullptr));
       }},
      {"create over an existing file",
       [](const Place& p) {
         write(p, "a.log", "first, longer").PermitUncheckedError();
         const std::string text = kind_of(write(p, "a.log", "second"));
         return text + read_all(p, "a.log");
       }},
      {"reopen and append",
       [](const Place& p) {
         write(p, "b.log", "one ").PermitUncheckedError();
         std::unique_ptr<rocksdb::FSWritableFile> file;
         p.files.ReopenWritableFile(p.at("b.log"), FileOptions(), &file, nullptr)
             .PermitUncheckedError();
         const IOStatus status = file->Append("two", IOOptions(), nullptr);
         const auto size = file->GetFileSize(IOOptions(), nullptr);
         file.reset();
         return kind_of(status) + read_all(p, "b.log") + (size == 0 ? "" : " sized");
       }},
      {"reuse a log",
       [](const Place& p) {
         write(p, "old.log", "x").PermitUncheckedError();
         std::unique_ptr<rocksdb::FSWritableFile> file;
         const IOStatus status = p.files.ReuseWritableFile(p.at("new.log"), p.at("old.log"),
                                                           FileOptions(), &file, nullptr);
         return kind_of(status) +
                kind_of(p.files.FileExists(p.at("old.log"), IOOptions(), nullptr));
       }},
      {"reuse a missing log",
       [](const Place& p) {
         std::unique_ptr<rocksdb::FSWritableFile> file;
         return kind_of(p.files.ReuseWritableFile(p.at("new2.log"), p.at("missing"), FileOptions(),
                                                  &file, nullptr));
       }},
  };
}

std::vector<Operation> folders() {
  return {
      {"children of a missing folder",
       [](const Place& p) {
         std::vector<std::string> names = {"left over"};
         const IOStatus status = p.files.GetChildren(p.at("missing"), IOOptions(), &names, nullptr);
         return fmt::format("{} {}", kind_of(status), names);
       }},
      {"children",
       [](const Place& p) {
         p.files.CreateDir(p.at("family"), IOOptions(), nullptr).PermitUncheckedError();
         write(p, "family/one", "1").PermitUncheckedError();
         write(p, "family/two.sst", "22").PermitUncheckedError();
         std::vector<rocksdb::Env::FileAttributes> found;
         const IOStatus status =
             p.files.GetChildrenFileAttributes(p.at("family"), IOOptions(), &found, nullptr);
         std::vector<std::string> text;
         for (const auto& each : found) {
           text.push_back(fmt::format("{}={}", each.name, each.size_bytes));
         }
         std::ranges::sort(text);
         return fmt::format("{} {}", kind_of(status), text);
       }},
      {"make a folder twice",
       [](const Place& p) {
         std::string text = kind_of(p.files.CreateDir(p.at("twice"), IOOptions(), nullptr));
         text += kind_of(p.files.CreateDir(p.at("twice"), IOOptions(), nullptr));
         return text + kind_of(p.files.CreateDirIfMissing(p.at("twice"), IOOptions(), nullptr));
       }},
      {"make a folder where a file is",
       [](const Place& p) {
         write(p, "taken", "x").PermitUncheckedError();
         return kind_of(p.files.CreateDirIfMissing(p.at("taken"), IOOptions(), nullptr));
       }},
      {"make a folder below a missing one",
       [](const Place& p) {
         return kind_of(p.files.CreateDirIfMissing(p.at("missing/x"), IOOptions(), nullptr));
       }},
      {"delete a folder that is not empty",
       [](const Place& p) {
         p.files.CreateDir(p.at("full"), IOOptions(), nullptr).PermitUncheckedError();
         write(p, "full/x", "x").PermitUncheckedError();
         return kind_of(p.files.DeleteDir(p.at("full"), IOOptions(), nullptr));
       }},
      {"delete a missing folder",
       [](const Place& p) {
         return kind_of(p.files.DeleteDir(p.at("missing"), IOOptions(), nullptr));
       }},
      {"lock, twice, and again after unlocking",
       [](const Place& p) {
         rocksdb::FileLock* first = nullptr;
         rocksdb::FileLock* second = nullptr;
         std::string text = kind_of(p.files.LockFile(p.at("LOCK"), IOOptions(), &first, nullptr));
         text += kind_of(p.files.LockFile(p.at("LOCK"), IOOptions(), &second, nullptr));
         text += second == nullptr ? " none " : " some ";
         text += kind_of(p.files.UnlockFile(first, IOOptions(), nullptr));
         text += kind_of(p.files.LockFile(p.at("LOCK"), IOOptions(), &first, nullptr));
         std::uint64_t size = 1;
         text += kind_of(p.files.GetFileSize(p.at("LOCK"), IOOptions(), &size, nullptr));
         p.files.UnlockFile(first, IOOptions(), nullptr).PermitUncheckedError();
         return text + std::to_string(size);
       }},
      {"lock in a missing folder",
       [](const Place& p) {
         rocksdb::FileLock* lock = nullptr;
         return kind_of(p.files.LockFile(p.at("missing/LOCK"), IOOptions(), &lock, nullptr));
       }},
      {"is a folder",
       [](const Place& p) {
         bool first = false;
         bool second = true;
         write(p, "file", "x").PermitUncheckedError();
         const IOStatus a = p.files.IsDirectory(p.root, IOOptions(), &first, nullptr);
         const IOStatus b = p.files.IsDirectory(p.at("file"), IOOptions(), &second, nullptr);
         const IOStatus c = p.files.IsDirectory(p.at("missing"), IOOptions(), &second, nullptr);
         return fmt::format("{} {} {} {} {}", kind_of(a), first, kind_of(b), second, kind_of(c));
       }},
      {"open and sync a folder",
       [](const Place& p) {
         std::unique_ptr<rocksdb::FSDirectory> folder;
         std::string text = kind_of(p.files.NewDirectory(p.root, IOOptions(), &folder, nullptr));
         text += kind_of(folder->Fsync(IOOptions(), nullptr));
         text += kind_of(folder->FsyncWithDirOptions(IOOptions(), nullptr,
                                                     rocksdb::DirFsyncOptions(p.at("file"))));
         return text + kind_of(folder->Close(IOOptions(), nullptr));
       }},
      {"open a missing folder",
       [](const Place& p) {
         std::unique_ptr<rocksdb::FSDirectory> folder;
         return kind_of(p.files.NewDirectory(p.at("missing"), IOOptions(), &folder, nullptr));
       }},
      {"absolute path of an absolute path",
       [](const Place& p) {
         std::string path;
         const IOStatus status = p.files.GetAbsolutePath(p.at("x"), IOOptions(), &path, nullptr);
         return kind_of(status) + (path == p.at("x") ? " same" : path);
       }},
  };
}

std::vector<Operation> names_of_files() {
  return {
      {"exists, missing",
       [](const Place& p) {
         return kind_of(p.files.FileExists(p.at("missing"), IOOptions(), nullptr));
       }},
      {"exists, below a file",
       [](const Place& p) {
         write(p, "plain", "x").PermitUncheckedError();
         return kind_of(p.files.FileExists(p.at("plain/x"), IOOptions(), nullptr));
       }},
      {"delete a missing file",
       [](const Place& p) {
         return kind_of(p.files.DeleteFile(p.at("missing"), IOOptions(), nullptr));
       }},
      {"size",
       [](const Place& p) {
         write(p, "sized.sst", std::string(5000, 'x')).PermitUncheckedError();
         std::uint64_t size = 1;
         const IOStatus status =
             p.files.GetFileSize(p.at("sized.sst"), IOOptions(), &size, nullptr);
         return fmt::format("{} {}", kind_of(status), size);
       }},
      {"size of a missing file",
       [](const Place& p) {
         std::uint64_t size = 1;
         const IOStatus status = p.files.GetFileSize(p.at("missing"), IOOptions(), &size, nullptr);
         return fmt::format("{} {}", kind_of(status), size);
       }},
      {"time of a missing file",
       [](const Place& p) {
         std::uint64_t time = 0;
         return kind_of(
             p.files.GetFileModificationTime(p.at("missing"), IOOptions(), &time, nullptr));
       }},
      {"rename over a file",
       [](const Place& p) {
         write(p, "from", "moved").PermitUncheckedError();
         write(p, "to", "replaced").PermitUncheckedError();
         std::string text =
             kind_of(p.files.RenameFile(p.at("from"), p.at("to"), IOOptions(), nullptr));
         text += read_all(p, "to");
         return text + kind_of(p.files.FileExists(p.at("from"), IOOptions(), nullptr));
       }},
      {"rename a missing file",
       [](const Place& p) {
         return kind_of(p.files.RenameFile(p.at("missing"), p.at("to"), IOOptions(), nullptr));
       }},
      {"link",
       [](const Place& p) {
         write(p, "name.sst", "linked").PermitUncheckedError();
         const IOStatus status =
             p.files.LinkFile(p.at("name.sst"), p.at("other.sst"), IOOptions(), nullptr);
         std::uint64_t links = 0;
         bool same = false;
         p.files.NumFileLinks(p.at("name.sst"), IOOptions(), &links, nullptr)
             .PermitUncheckedError();
         p.files.AreFilesSame(p.at("name.sst"), p.at("other.sst"), IOOptions(), &same, nullptr)
             .PermitUncheckedError();
         return fmt::format("{} {} {} {}", kind_of(status), links, same, read_all(p, "other.sst"));
       }},
      {"link over a file",
       [](const Place& p) {
         write(p, "l1", "x").PermitUncheckedError();
         write(p, "l2", "y").PermitUncheckedError();
         return kind_of(p.files.LinkFile(p.at("l1"), p.at("l2"), IOOptions(), nullptr));
       }},
      {"are two files the same, one missing",
       [](const Place& p) {
         bool same = false;
         write(p, "here", "x").PermitUncheckedError();
         return kind_of(
             p.files.AreFilesSame(p.at("here"), p.at("missing"), IOOptions(), &same, nullptr));
       }},
  };
}

std::vector<Operation> reading() {
  return {
      {"skip beyond the end, and read there",
       [](const Place& p) {
         write(p, "short.log", "0123456789").PermitUncheckedError();
         std::unique_ptr<rocksdb::FSSequentialFile> file;
         p.files.NewSequentialFile(p.at("short.log"), FileOptions(), &file, nullptr)
             .PermitUncheckedError();
         std::array<char, 20> scratch{};
         rocksdb::Slice result;
         std::string text = kind_of(file->Skip(4));
         text += kind_of(file->Read(3, IOOptions(), &result, scratch.data(), nullptr));
         text += result.ToString() + kind_of(file->Skip(100));
         text += kind_of(file->Read(3, IOOptions(), &result, scratch.data(), nullptr));
         return text + result.ToString();
       }},
      {"read at random around the end",
       [](const Place& p) {
         write(p, "random.sst", "0123456789").PermitUncheckedError();
         std::unique_ptr<rocksdb::FSRandomAccessFile> file;
         p.files.NewRandomAccessFile(p.at("random.sst"), FileOptions(), &file, nullptr)
             .PermitUncheckedError();
         std::array<char, 20> scratch{};
         rocksdb::Slice result;
         std::string text;
         for (const std::uint64_t offset : {0U, 7U, 10U, 50U}) {
           text += kind_of(file->Read(offset, 5, IOOptions(), &result, scratch.data(), nullptr));
           text += result.ToString();
         }
         return text;
       }},
      {"several reads at once",
       [](const Place& p) {
         write(p, "many.sst", std::string(9000, 'a') + "tail").PermitUncheckedError();
         std::unique_ptr<rocksdb::FSRandomAccessFile> file;
         p.files.NewRandomAccessFile(p.at("many.sst"), FileOptions(), &file, nullptr)
             .PermitUncheckedError();
         std::array<std::array<char, 10>, 3> scratch{};
         std::array<rocksdb::FSReadRequest, 3> requests;
         const std::array<std::uint64_t, 3> offsets = {8999, 20, 20000};
         for (std::size_t i = 0; i < requests.size(); ++i) {
           requests.at(i).offset = offsets.at(i);
           requests.at(i).len = 10;
           requests.at(i).scratch = scratch.at(i).data();
         }
         std::string text =
             kind_of(file->MultiRead(requests.data(), requests.size(), IOOptions(), nullptr));
         for (const auto& each : requests) text += kind_of(each.status) + each.result.ToString();
         return text;
       }},
  };
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (const auto& group : {opening(), folders(), names_of_files(), reading()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

TEST(Conformance, SameAnswersAsRocksDbsOwnFileSystem) {
  const ScratchDirectory own;
  const ScratchDirectory scratch;
  TestStore store(io::posix_file_system(), scratch.path());
  const Place theirs{*FileSystem::Default(), own.path()};
  const Place ours{*store.file_system, scratch.path()};
  for (const Operation& operation : operations()) {
    EXPECT_EQ(operation.run(ours), operation.run(theirs)) << operation.name;
  }
}

TEST(Conformance, SameAnswersInMemory) {
  const ScratchDirectory own;
  const MemoryStore store;
  const Place theirs{*FileSystem::Default(), own.path()};
  const Place ours{*store.store.file_system, kRoot};
  for (const Operation& operation : operations()) {
    EXPECT_EQ(operation.run(ours), operation.run(theirs)) << operation.name;
  }
}

}  // namespace
}  // namespace keyhold::rocks
