#include "agent/ledger/schema.hpp"
#include "agent/ledger/state_dir.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace evenkeel::ledger {
namespace {

namespace fs = std::filesystem;

class LedgerOpen : public LedgerTest {
protected:
    void make() {
        open();
        store_names(*ledger_);
        for (int i = 1; i <= 400; ++i) {
            ASSERT_TRUE(ledger_->record(api_request(i, 100 + i)));
        }
        close();
    }
    Error refused() {
        auto opened = Ledger::open(options());
        EXPECT_FALSE(opened);
        return opened ? Error{} : opened.error();
    }
    void expect_refused(Errc code, const std::string& because) {
        const Error error = refused();
        EXPECT_EQ(error.code, code) << error.message;
        EXPECT_NE(error.message.find(because), std::string::npos) << error.message;
        EXPECT_NE(error.message.find((dir_.path() / "state").string()), std::string::npos)
            << "names the place: " << error.message;
    }
    static std::string bytes_of(const fs::path& path) {
        std::ifstream input{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{input}, {}};
    }
    static void put(const fs::path& path, const std::string& bytes) {
        std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
    }
};

TEST_F(LedgerOpen, MakesAPrivateFolder) {
    open();
    struct stat info{};
    ASSERT_EQ(::stat((dir_.path() / "state").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    for (const char* name : {"ledger.db", "ledger.db-wal", "ledger.lock", "ballast"}) {
        ASSERT_EQ(::stat((dir_.path() / "state" / name).c_str(), &info), 0) << name;
        EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
    }
    EXPECT_EQ(count("PRAGMA application_id"), application_id);
    EXPECT_EQ(count("PRAGMA user_version"), newest_schema());
    EXPECT_EQ(count("PRAGMA auto_vacuum"), 2) << "incremental";
}

TEST_F(LedgerOpen, F92SecondInstanceIsRefused) {
    open();
    expect_refused(Errc::conflict, fmt::format("process {}", ::getpid()));
    close();
    open();
}

TEST_F(LedgerOpen, F79DirectoryInsteadOfAFile) {
    fs::create_directories(file());
    fs::permissions(dir_.path() / "state", fs::perms::owner_all);
    expect_refused(Errc::refused, "is a folder");
    EXPECT_TRUE(fs::is_directory(file()));
}

TEST_F(LedgerOpen, F79EmptyFile) {
    make();
    put(file(), "");
    expect_refused(Errc::refused, "0 bytes");
    EXPECT_EQ(fs::file_size(file()), 0u) << "not overwritten";
}

TEST_F(LedgerOpen, F79ForeignDatabase) {
    make();
    fs::remove(file());
    {
        Database foreign{file(), Database::Mode::create};
        foreign.exec("CREATE TABLE t(x)");
    }
    const std::string before = bytes_of(file());
    expect_refused(Errc::refused, "another program");
    EXPECT_EQ(bytes_of(file()), before);
}

TEST_F(LedgerOpen, F79NewerSchema) {
    make();
    shell(fmt::format("PRAGMA user_version={}", newest_schema() + 1));
    expect_refused(
        Errc::refused,
        fmt::format(
            "newer evenkeel (schema {}, this one knows {})", newest_schema() + 1, newest_schema()));
    const auto reading = Reader::open(dir_.path() / "state");
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().code, Errc::refused);
}

TEST_F(LedgerOpen, F79FolderIsAFile) {
    put(dir_.path() / "state", "hello");
    expect_refused(Errc::refused, "is not a folder");
}

TEST_F(LedgerOpen, F79FolderOthersMayWriteIn) {
    make();
    ::chmod((dir_.path() / "state").c_str(), 0777);
    expect_refused(Errc::refused, "chmod 700");
}

TEST_F(LedgerOpen, F79ParentMissing) {
    Options with = options();
    with.dir = dir_.path() / "no" / "such";
    const auto opened = Ledger::open(with);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::io_failed);
}

/// Runs `body` in a child that is nobody; as root the checks of owner and permission are no checks.
template <class Body>
int as_nobody(const fs::path& dir, Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0) {
            if (::chmod(dir.parent_path().c_str(), 0755) != 0 || ::setgid(65534) != 0 ||
                ::setuid(65534) != 0) {
                ::_exit(99);
            }
        }
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(LedgerOpen, F79WrongOwnerOrReadOnly) {
    make();
    const bool root = ::geteuid() == 0;
    ::chmod((dir_.path() / "state").c_str(), root ? 0755 : 0500);
    ::chmod(file().c_str(), 0444);
    const int answer = as_nobody(dir_.path() / "state", [&] {
        const auto opened = Ledger::open(options());
        if (opened) {
            return 1;
        }
        const bool says =
            root ? opened.error().message.find("belongs to user 0") != std::string::npos
                 : opened.error().code != Errc::corrupt;
        return says ? 0 : 2;
    });
    EXPECT_EQ(answer, 0);
    ::chmod((dir_.path() / "state").c_str(), 0700);
    ::chmod(file().c_str(), 0600);
    open();
    EXPECT_EQ(ledger_->recovered().names.size(), 11u) << "and nothing was harmed";
}

TEST_F(LedgerOpen, ReportsWorkInAFolderOnlyReadable) {
    make();
    ::chmod((dir_.path() / "state").c_str(), 0555);
    ::chmod(file().c_str(), 0444);
    const int answer = as_nobody(dir_.path() / "state", [&] {
        auto reading = Reader::open(dir_.path() / "state");
        return reading && reading->verify()->requests == 400 ? 0 : 1;
    });
    EXPECT_EQ(answer, 0);
    ::chmod((dir_.path() / "state").c_str(), 0700);
}

TEST_F(LedgerOpen, F78DamageIsFoundAndKept) {
    make();
    const std::string good = bytes_of(file());
    const auto damage = [&](std::size_t at, std::size_t size, const std::string& because) {
        std::string bad = good;
        for (std::size_t i = at; i < at + size; ++i) {
            bad[i] = static_cast<char>(~bad[i]);
        }
        put(file(), bad);
        expect_refused(Errc::corrupt, because);
        EXPECT_EQ(bytes_of(file()), bad) << "the file is evidence: left as it is";
    };
    damage(0, 16, "first bytes are damaged");
    damage(8192, 4096, "is damaged");
    damage((good.size() / 4096 / 2) * 4096, 4096, "is damaged");
    put(file(), good.substr(0, good.size() / 2));
    expect_refused(Errc::corrupt, "damaged");
    put(file(), good);
    open();
}

TEST_F(LedgerOpen, F78ForgedTailIsFoundAtTheStart) {
    make();
    shell(
        "DROP TRIGGER posting_no_update; UPDATE posting SET amount = 2 * amount"
        " WHERE tx = (SELECT max(tx) FROM posting)");
    expect_refused(Errc::corrupt, "was changed");
}

TEST_F(LedgerOpen, F78TornWalKeepsTheRest) {
    open();
    store_names(*ledger_);
    for (int i = 1; i <= 50; ++i) {
        ASSERT_TRUE(ledger_->record(api_request(i, 100)));
        ASSERT_TRUE(ledger_->flush());
    }
    // A copy of the files as a crash would leave them, its last WAL frames damaged.
    const fs::path copy = dir_.path() / "crashed";
    fs::create_directory(copy);
    fs::permissions(copy, fs::perms::owner_all);
    fs::copy_file(file(), copy / "ledger.db");
    std::string wal = bytes_of(file().string() + "-wal");
    for (std::size_t i = wal.size() - 20'000; i < wal.size(); ++i) {
        wal[i] = static_cast<char>(wal[i] + 1);
    }
    put(copy / "ledger.db-wal", wal);
    close();
    Options with = options();
    with.dir = copy;
    auto opened = Ledger::open(with);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE((*opened)->close());
    auto books = Reader::open(copy);
    ASSERT_TRUE(books);
    const auto found = books->verify();
    EXPECT_TRUE(found->ok());
    EXPECT_GT(found->requests, 0);
    EXPECT_LT(found->requests, 50);
}

TEST_F(LedgerOpen, F78MissingFileWithAWalIsNotReplaced) {
    make();
    fs::rename(file(), dir_.path() / "elsewhere.db");
    put(file().string() + "-wal", "left over");
    expect_refused(Errc::corrupt, "-wal");
    EXPECT_FALSE(fs::exists(file()));
}

TEST_F(LedgerOpen, UnknownZoneIsAnError) {
    Options with = options();
    with.zone = "Mars/Olympus";
    const auto opened = Ledger::open(with);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::invalid_argument);
}

TEST_F(LedgerOpen, ReaderSaysWhereNothingIs) {
    const auto reading = Reader::open(dir_.path());
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().code, Errc::not_found);
    EXPECT_NE(reading.error().message.find(dir_.path().string()), std::string::npos);
}

TEST(F83FileSystem, NetworkAndUserSpaceAreRefused) {
    for (const std::int64_t magic :
         {0x6969LL, 0x517BLL, 0xFE534D42LL, 0xFF534D42LL, 0x01021997LL, 0x65735546LL}) {
        const auto checked = check_filesystem(magic, "/srv/state");
        ASSERT_FALSE(checked) << magic;
        EXPECT_EQ(checked.error().code, Errc::refused);
        EXPECT_NE(checked.error().message.find("/srv/state"), std::string::npos);
    }
    // ext4, xfs, btrfs, tmpfs, zfs, overlayfs
    for (const std::int64_t magic :
         {0xEF53LL, 0x58465342LL, 0x9123683ELL, 0x01021994LL, 0x2FC12FC1LL, 0x794C7630LL}) {
        EXPECT_TRUE(check_filesystem(magic, "/srv/state")) << magic;
    }
    // f_type is signed on some systems.
    EXPECT_FALSE(check_filesystem(static_cast<std::int32_t>(0xFE534D42), "/srv/state"));
}

/// Two later schemas, the second of which takes many statements.
std::vector<Migration> later_migrations() {
    static const std::string third = [] {
        std::string sql = "CREATE TABLE later(x INTEGER) STRICT;";
        for (int i = 0; i < 200; ++i) {
            sql += fmt::format("INSERT INTO later VALUES({});", i);
        }
        return sql + "ALTER TABLE later ADD COLUMN y INTEGER;";
    }();
    std::vector<Migration> migrations{embedded_migrations().begin(), embedded_migrations().end()};
    migrations.push_back({newest_schema() + 1, "second", "CREATE TABLE second(x INTEGER) STRICT;"});
    migrations.push_back({newest_schema() + 2, "third", third.c_str()});
    return migrations;
}

TEST_F(LedgerOpen, MigrationsKeepABackup) {
    make();
    {
        Database database{file(), Database::Mode::read_write};
        configure_writer(database);
        migrate(database, later_migrations(), dir_.path() / "state" / "backups", 42);
        EXPECT_EQ(database.integer("PRAGMA user_version"), newest_schema() + 2);
        EXPECT_EQ(database.integer("SELECT count(*) FROM later"), 200);
        EXPECT_EQ(database.integer("SELECT count(*) FROM request"), 400);
    }
    Database backup{
        dir_.path() / "state" / "backups" / fmt::format("ledger-schema{}-42.db", newest_schema()),
        Database::Mode::read_only};
    EXPECT_EQ(backup.integer("PRAGMA user_version"), newest_schema());
    EXPECT_EQ(backup.integer("SELECT count(*) FROM request"), 400);
}

TEST_F(LedgerOpen, F82FailedMigrationChangesNothing) {
    make();
    auto migrations = later_migrations();
    migrations.back().sql = "CREATE TABLE later(x INTEGER); INSERT INTO nowhere VALUES(1);";
    Database database{file(), Database::Mode::read_write};
    configure_writer(database);
    EXPECT_THROW(migrate(database, migrations, dir_.path() / "state" / "backups", 1), SqlError);
    EXPECT_EQ(database.integer("PRAGMA user_version"), newest_schema() + 1);
    EXPECT_EQ(database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'later'"), 0);
}

/// kill -9 at a later and later moment of the migration, until one child gets to its end.
TEST_F(LedgerOpen, F82KilledInsideAMigration) {
    make();
    const fs::path original = dir_.path() / "original.db";
    fs::copy_file(file(), original);
    bool complete = false;
    const std::int64_t now = newest_schema();
    std::set<std::int64_t> versions;
    for (int microseconds = 0; !complete; microseconds += 700) {
        ASSERT_LT(microseconds, 2'000'000);
        for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
            fs::remove(file().string() + suffix);
        }
        fs::remove_all(dir_.path() / "state" / "backups");
        fs::copy_file(original, file());
        const pid_t child = ::fork();
        if (child == 0) {
            Database database{file(), Database::Mode::read_write};
            configure_writer(database);
            migrate(database, later_migrations(), dir_.path() / "state" / "backups", 1);
            ::_exit(0);
        }
        ::usleep(static_cast<unsigned>(microseconds));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        complete = WIFEXITED(status);
        Database database{file(), Database::Mode::read_write};
        const std::int64_t version = database.integer("PRAGMA user_version");
        versions.insert(version);
        EXPECT_EQ(quick_check(database), "");
        const auto has = [&](const char* table) {
            return database.integer(
                fmt::format("SELECT count(*) FROM sqlite_schema WHERE name = '{}'", table));
        };
        EXPECT_EQ(has("second"), version > now ? 1 : 0) << microseconds;
        EXPECT_EQ(has("later"), version > now + 1 ? 1 : 0) << microseconds;
        if (version == now + 2) {
            EXPECT_EQ(database.integer("SELECT count(*) FROM later WHERE y IS NULL"), 200);
        }
        if (version > now) {
            EXPECT_TRUE(fs::exists(
                dir_.path() / "state" / "backups" / fmt::format("ledger-schema{}-1.db", now)));
        }
    }
    EXPECT_TRUE(versions.contains(now));
    EXPECT_TRUE(versions.contains(now + 2));
}

TEST_F(LedgerOpen, KilledWhileBeingMadeStartsAgain) {
    fs::create_directory(dir_.path() / "state");
    fs::permissions(dir_.path() / "state", fs::perms::owner_all);
    put(file().string() + ".new", "half made");
    open();
    EXPECT_TRUE(ledger_->recovered().created);
}

}  // namespace
}  // namespace evenkeel::ledger
