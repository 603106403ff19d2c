// SPDX-License-Identifier: Apache-2.0
// The sandbox with real programs in it.
#include "support/temp_dir.hpp"
#include "worker/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace gatehouse::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SandboxTest : public ::testing::Test {
protected:
    Command shell(const std::string& script)
    {
        Command command;
        command.arguments = {"/bin/sh", "-c", script};
        command.directory = scratch();
        command.processes = Processes::allowed;
        command.time_max = 20s;
        return command;
    }

    Command python(const std::string& script)
    {
        Command command = shell("");
        command.arguments = {"/usr/bin/python3", "-c", script};
        return command;
    }

    Outcome run(const Command& command) { return run_child(sandbox_, command, kill_switch_); }

    fs::path scratch()
    {
        fs::path path = directory_.path() / "scratch";
        fs::create_directories(path);
        return path;
    }

    std::string read_scratch(const std::string& name)
    {
        std::ostringstream text;
        text << std::ifstream(scratch() / name).rdbuf();
        return text.str();
    }

    fs::path write_outside(const std::string& name, const std::string& text)
    {
        fs::path path = directory_.path() / name;
        std::ofstream(path) << text;
        return path;
    }

    // Landlock is part of what these tests are about; a kernel without it cannot run them.
    bool has_landlock() const { return sandbox_.landlock_version() > 0; }

    testing::TempDir directory_;
    Sandbox sandbox_;
    KillSwitch kill_switch_;
};

TEST_F(SandboxTest, ProgramsRunAndTheirOutputAndExitCodeAreKept)
{
    Outcome outcome = run(shell("echo out; echo err >&2; exit 3"));
    EXPECT_EQ(outcome.ending, Ending::exited);
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.output, "out\n");
    EXPECT_EQ(outcome.errors, "err\n");
    EXPECT_FALSE(outcome.succeeded());
}

TEST_F(SandboxTest, TheScratchDirectoryCanBeWritten)
{
    Outcome outcome = run(shell("mkdir a && echo x > a/b && mv a/b c && rm -r a && pwd && echo $HOME $TMPDIR"));
    EXPECT_TRUE(outcome.succeeded()) << outcome.errors;
    EXPECT_EQ(read_scratch("c"), "x\n");
    std::string path = scratch().string();
    EXPECT_EQ(outcome.output, path + "\n" + path + " " + path + "\n");
}

TEST_F(SandboxTest, NothingElseCanBeWritten)
{
    if (!has_landlock())
        GTEST_SKIP() << "no Landlock";
    fs::path outside = write_outside("outside", "before");
    std::string dir = directory_.path().string();
    Outcome outcome =
        run(shell("echo after > " + outside.string() + "; echo new > " + dir + "/new; rm " + outside.string() +
                  "; mv " + scratch().string() + " " + dir + "/moved; ln " + outside.string() + " link; true"));
    EXPECT_TRUE(outcome.succeeded());
    EXPECT_EQ(fs::file_size(outside), 6U);
    EXPECT_FALSE(fs::exists(directory_.path() / "new"));
    EXPECT_TRUE(fs::exists(scratch()));
    EXPECT_FALSE(fs::exists(scratch() / "link"));
}

TEST_F(SandboxTest, OnlyNamedFilesCanBeRead)
{
    if (!has_landlock())
        GTEST_SKIP() << "no Landlock";
    fs::path named = write_outside("named", "hello");
    fs::path secret = write_outside("secret", "hidden");
    Command command =
        shell("cat " + named.string() + "; cat " + secret.string() + " /etc/passwd /proc/self/environ; ls /root");
    command.readable = {named};
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.output, "hello");
    EXPECT_THAT(outcome.errors, HasSubstr("secret: Permission denied"));
    EXPECT_THAT(outcome.errors, HasSubstr("/etc/passwd: Permission denied"));
    EXPECT_THAT(outcome.errors, HasSubstr("environ: Permission denied"));
}

TEST_F(SandboxTest, WhatAChildWritesItCannotRun)
{
    if (!has_landlock())
        GTEST_SKIP() << "no Landlock";
    Outcome outcome = run(shell("cp /bin/true mine && chmod +x mine && ./mine"));
    EXPECT_EQ(outcome.code, 126) << outcome.errors;
}

TEST_F(SandboxTest, SocketsAreRefused)
{
    Outcome outcome =
        run(python("import socket\n"
                   "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):\n"
                   "    try:\n"
                   "        socket.socket(family, socket.SOCK_STREAM if family != 16 else socket.SOCK_RAW)\n"
                   "        print('made')\n"
                   "    except PermissionError:\n"
                   "        print('refused')\n"
                   "try:\n"
                   "    socket.socketpair()\n"
                   "    print('made')\n"
                   "except PermissionError:\n"
                   "    print('refused')\n"));
    EXPECT_TRUE(outcome.succeeded()) << outcome.errors;
    EXPECT_EQ(outcome.output, "refused\nrefused\nrefused\nrefused\nrefused\n");
}

TEST_F(SandboxTest, DangerousCallsAreRefused)
{
    // ptrace, mount, unshare(user), keyctl, bpf, perf_event_open, io_uring_setup, userfaultfd, setsid, setpgid(0, 0),
    // prctl(PR_SET_PDEATHSIG, 0), prlimit64 that sets; io_uring is unknown to the filter, so ENOSYS.
    Outcome outcome = run(python("import ctypes, os\n"
                                 "libc = ctypes.CDLL(None, use_errno=True)\n"
                                 "def refused(name, *args):\n"
                                 "    ctypes.set_errno(0)\n"
                                 "    result = getattr(libc, name)(*args)\n"
                                 "    if result != -1 or ctypes.get_errno() not in (1, 38):\n"
                                 "        print(name, args[:1], result, ctypes.get_errno())\n"
                                 "refused('ptrace', 16, 1, 0, 0)\n"
                                 "refused('mount', b'none', b'/tmp', b'tmpfs', 0, 0)\n"
                                 "refused('unshare', 0x10000000)\n"
                                 "refused('chroot', b'.')\n"
                                 "refused('setsid')\n"
                                 "refused('setpgid', 0, 0)\n"
                                 "refused('prctl', 1, 0, 0, 0, 0)\n"
                                 "refused('setrlimit', 1, (ctypes.c_ulong * 2)(1, 1))\n"
                                 "refused('setuid', 65534)\n"
                                 "refused('syscall', 425, 8, 0)\n"
                                 "refused('syscall', 323, 0)\n"
                                 "print('done')\n"));
    EXPECT_EQ(outcome.output, "done\n") << outcome.errors;
}

TEST_F(SandboxTest, CapabilitiesAndPrivilegesAreGone)
{
    // CAP_CHOWN is what root would need here.
    Outcome outcome = run(shell("touch f; chown 12345 f 2>/dev/null && echo changed; exit 0"));
    EXPECT_TRUE(outcome.succeeded()) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
}

TEST_F(SandboxTest, OtherProcessesCannotBeSignalled)
{
    if (sandbox_.landlock_version() < 6)
        GTEST_SKIP() << "this Landlock does not scope signals";
    Outcome outcome = run(shell("kill -0 " + std::to_string(getpid())));
    EXPECT_NE(outcome.code, 0);
    EXPECT_THAT(outcome.errors, HasSubstr("not permitted"));
}

TEST_F(SandboxTest, ProcessesAreRefusedWhereOnlyThreadsAreAllowed)
{
    Command command = python("import os, threading\n"
                             "thread = threading.Thread(target=lambda: print('thread'))\n"
                             "thread.start(); thread.join()\n"
                             "try:\n"
                             "    os.fork()\n"
                             "    print('forked')\n"
                             "except OSError:\n"
                             "    print('refused')\n");
    command.processes = Processes::refused;
    EXPECT_EQ(run(command).output, "thread\nrefused\n");
}

TEST_F(SandboxTest, OurDescriptorsAreClosed)
{
    fs::path secret = write_outside("secret", "hidden");
    FILE* open_file = fopen(secret.c_str(), "r");  // without O_CLOEXEC
    ASSERT_NE(open_file, nullptr);
    int open_number = fileno(open_file);
    Outcome outcome = run(python("import os\n"
                                 "for number in range(3, " +
                                 std::to_string(open_number + 64) +
                                 "):\n"
                                 "    try:\n"
                                 "        os.fstat(number)\n"
                                 "        print('open:', number)\n"
                                 "    except OSError:\n"
                                 "        pass\n"
                                 "print(os.read(0, 10))\n"));
    fclose(open_file);
    EXPECT_EQ(outcome.output, "b''\n") << outcome.errors;
}

TEST_F(SandboxTest, OurEnvironmentIsNotInherited)
{
    ::setenv("GATEHOUSE_TEST_SECRET", "hidden", 1);
    Outcome outcome = run(shell("echo \"[$GATEHOUSE_TEST_SECRET]\""));
    ::unsetenv("GATEHOUSE_TEST_SECRET");
    EXPECT_EQ(outcome.output, "[]\n");
}

TEST_F(SandboxTest, AFileCannotGrowBeyondItsLimit)
{
    Command command = shell("exec head -c 3000000 /dev/zero > big");
    command.file_bytes_max = 1'000'000;
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.ending, Ending::signalled);
    EXPECT_EQ(outcome.code, SIGXFSZ);
    EXPECT_EQ(fs::file_size(scratch() / "big"), 1'000'000U);
}

TEST_F(SandboxTest, MemoryIsBounded)
{
    Command command =
        python("try:\n    bytearray(400_000_000)\n    print('got it')\nexcept MemoryError:\n    print('no')\n");
    command.memory_bytes_max = 256U << 20U;
    EXPECT_EQ(run(command).output, "no\n");
}

TEST_F(SandboxTest, BurningCpuIsATimeOut)
{
    Command command = shell("while :; do :; done");
    command.time_max = 300ms;
    EXPECT_EQ(run(command).ending, Ending::timed_out);
}

// Whether a process of that number runs: not there, or a zombie that waits for its new parent, is not running.
bool is_running(pid_t process)
{
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    std::getline(file, text);
    auto end = text.rfind(')');
    return end != std::string::npos && text.substr(end + 2, 1) != "Z" && text.substr(end + 2, 1) != "X";
}

bool ends_soon(pid_t process)
{
    for (int i = 0; i < 200 && is_running(process); ++i)
        std::this_thread::sleep_for(10ms);
    return !is_running(process);
}

TEST_F(SandboxTest, TheTimeLimitKillsGrandchildrenToo)
{
    Command command = shell("sh -c 'echo $$ > pid; exec sleep 600' & sh -c 'sleep 600'; wait");
    command.time_max = 700ms;
    auto begin = std::chrono::steady_clock::now();
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.ending, Ending::timed_out);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    std::string pid = read_scratch("pid");
    ASSERT_FALSE(pid.empty());
    EXPECT_TRUE(ends_soon(static_cast<pid_t>(std::stol(pid))));
}

TEST_F(SandboxTest, ChildrenLeftInTheBackgroundAreKilledWhenTheProgramEnds)
{
    Outcome outcome = run(shell("sleep 600 & echo $!"));
    EXPECT_TRUE(outcome.succeeded());
    ASSERT_FALSE(outcome.output.empty());
    EXPECT_TRUE(ends_soon(static_cast<pid_t>(std::stol(outcome.output))));
}

TEST_F(SandboxTest, TheKillSwitchEndsARunningChild)
{
    Command command = shell("echo started; exec sleep 600");
    std::atomic<bool> started{false};
    command.on_output = [&](std::string_view) { started = true, started.notify_one(); };
    std::thread killer([&] {
        started.wait(false);
        kill_switch_.request();
    });
    Outcome outcome = run(command);
    killer.join();
    EXPECT_EQ(outcome.ending, Ending::killed);
}

TEST_F(SandboxTest, AnOutcomeTellsTheSignal)
{
    Command command = python("import os, signal\nos.abort()\n");
    Outcome outcome = run(command);
    EXPECT_EQ(outcome.ending, Ending::signalled);
    EXPECT_EQ(outcome.code, SIGABRT);
}

TEST_F(SandboxTest, LongOutputIsReadButNotKept)
{
    Command command = shell("head -c 5000000 /dev/zero; head -c 100000 /dev/zero >&2; echo end >&2");
    command.output_bytes_max = 1000;
    Outcome outcome = run(command);
    EXPECT_TRUE(outcome.succeeded());
    EXPECT_EQ(outcome.output.size(), 1000U);
    EXPECT_LE(outcome.errors.size(), 8U << 10U);
    EXPECT_TRUE(outcome.errors.ends_with("end\n"));
}

TEST_F(SandboxTest, AProgramThatCannotStartIsAnException)
{
    fs::path no_program = write_outside("no_program", "this is not a program\n");
    fs::permissions(no_program, fs::perms::owner_all);
    Command command = shell("");
    command.arguments = {no_program.string()};
    EXPECT_THROW(run(command), std::system_error);
    command.arguments = {"/nowhere/at/all"};
    EXPECT_THROW(run(command), std::system_error);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no zombie is left
}

TEST_F(SandboxTest, ChildrenOfSeveralThreadsDoNotDisturbEachOther)
{
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            KillSwitch kill_switch;
            for (int j = 0; j < 5; ++j) {
                std::string word = std::to_string(i) + "/" + std::to_string(j);
                Outcome outcome = run_child(sandbox_, shell("echo " + word), kill_switch);
                good += outcome.succeeded() && outcome.output == word + "\n";
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(good, 20);
}

TEST_F(SandboxTest, AChildDiesWithTheThreadThatStartedIt)
{
    // The process that dies here is a copy of the test, which starts a child and is killed.
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t copy = fork();
    ASSERT_GE(copy, 0);
    if (copy == 0) {
        Command command = shell("echo $$; exec sleep 600");
        command.on_output = [&](std::string_view text) {
            [[maybe_unused]] ssize_t written = write(ends[1], text.data(), text.size());
        };
        run(command);
        _exit(1);
    }
    char text[32]{};
    ASSERT_GT(read(ends[0], text, sizeof(text) - 1), 0);
    kill(copy, SIGKILL);
    waitpid(copy, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
    EXPECT_TRUE(ends_soon(static_cast<pid_t>(std::stol(text))));
}

TEST(FindProgram, LooksAlongThePath)
{
    EXPECT_TRUE(find_program("sh").is_absolute());
    EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
    EXPECT_EQ(find_program("no-such-program-anywhere"), "");
    EXPECT_EQ(find_program("/bin/no-such-program"), "");
    EXPECT_EQ(find_program("../bin/sh"), "");
    EXPECT_EQ(find_program(""), "");
}

}  // namespace
}  // namespace gatehouse::worker
