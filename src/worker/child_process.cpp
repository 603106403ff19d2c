// SPDX-License-Identifier: Apache-2.0
#include "worker/child_process.hpp"

#include "base/error.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

namespace gatehouse::worker {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t errors_bytes_max = 8U << 10U;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

// The same file under a number that is not one of the standard three, which the child replaces.
UniqueFd above_standard(UniqueFd file)
{
    if (!file || file.get() > STDERR_FILENO)
        return file;
    UniqueFd moved(fcntl(file.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!moved)
        fail("cannot move a descriptor");
    return moved;
}

Pipe make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("cannot make a pipe");
    UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    return {above_standard(std::move(read_end)), above_standard(std::move(write_end))};
}

void set_nonblocking(int file)
{
    if (fcntl(file, F_SETFL, O_NONBLOCK) != 0)
        fail("cannot prepare a pipe");
}

// All that the child needs, made before the fork: after it, in a copy of a process with threads, nothing may allocate.
struct Plan {
    std::vector<std::string> environment_texts;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    const char* directory = nullptr;
    UniqueFd null_input;
    UniqueFd ruleset;
    const std::vector<sock_filter>* filter = nullptr;
    ProcessLimits limits;
    Pipe output, errors, failure;
    pid_t parent = 0;
};

// What a child writes into the failure pipe when it cannot begin.
struct StartFailure {
    int error = 0;
    char step[28]{};
};

Plan make_plan(const Sandbox& sandbox, const Command& command)
{
    GH_ASSERT(!command.arguments.empty() && command.arguments[0].starts_with('/'));
    Plan plan;
    plan.environment_texts = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + command.directory.string(),
                              "TMPDIR=" + command.directory.string()};
    for (const auto& text : plan.environment_texts)
        plan.environment.push_back(const_cast<char*>(text.c_str()));
    plan.environment.push_back(nullptr);
    for (const auto& text : command.arguments)
        plan.arguments.push_back(const_cast<char*>(text.c_str()));
    plan.arguments.push_back(nullptr);
    plan.directory = command.directory.c_str();
    plan.null_input = above_standard(UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
    if (!plan.null_input)
        fail("cannot open /dev/null");
    plan.ruleset = sandbox.make_ruleset(
        {.readable = command.readable, .executable = {command.arguments[0]}, .writable = command.directory});
    plan.filter = &sandbox.filter(command.processes);
    auto seconds = std::chrono::ceil<std::chrono::seconds>(command.time_max).count();
    // Some threads burn CPU beside the main one; wall-clock time is the limit that is meant.
    plan.limits = {.memory_bytes_max = command.memory_bytes_max,
                   .file_bytes_max = command.file_bytes_max,
                   .cpu_seconds_max = static_cast<std::uint64_t>(seconds) * 2 + 1};
    plan.output = make_pipe();
    plan.errors = make_pipe();
    plan.failure = make_pipe();
    plan.parent = getpid();
    return plan;
}

// From here to exec only async-signal-safe calls, no allocation, no locks.

[[noreturn]] void report_and_exit(const Plan& plan, const char* step) noexcept
{
    StartFailure failure;
    failure.error = errno;
    std::size_t size = std::min(std::strlen(step), sizeof(failure.step) - 1);
    std::memcpy(failure.step, step, size);
    [[maybe_unused]] ssize_t written = write(plan.failure.write_end.get(), &failure, sizeof(failure));
    _exit(127);
}

void reset_signals() noexcept
{
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action{};
        action.sa_handler = SIG_DFL;
        // Fails for those that nobody may change and those that the C library keeps for itself.
        sigaction(signal, &action, nullptr);
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void close_others_on_exec() noexcept
{
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    // Before Linux 5.11.
    for (int file = 3; file < 65'536; ++file)
        fcntl(file, F_SETFD, FD_CLOEXEC);
}

[[noreturn]] void become(const Plan& plan) noexcept
{
    if (setsid() < 0)
        report_and_exit(plan, "setsid");
    reset_signals();
    // All three sources lie above the standard numbers, so none is overwritten and every copy survives exec.
    if (dup2(plan.null_input.get(), STDIN_FILENO) < 0 || dup2(plan.output.write_end.get(), STDOUT_FILENO) < 0 ||
        dup2(plan.errors.write_end.get(), STDERR_FILENO) < 0)
        report_and_exit(plan, "dup2");
    if (chdir(plan.directory) != 0)
        report_and_exit(plan, "chdir");
    umask(077);
    close_others_on_exec();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        report_and_exit(plan, "prctl");
    // It may have died before the call above.
    if (getppid() != plan.parent)
        _exit(127);
    if (const char* step = confine(plan.ruleset.get(), *plan.filter, plan.limits))
        report_and_exit(plan, step);
    execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
    report_and_exit(plan, "execve");
}

// End of the child's part.

pid_t fork_child(const Plan& plan)
{
    // A signal between fork and exec would run our handlers in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        become(plan);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    if (child < 0)
        fail("cannot fork");
    return child;
}

// Kills what is left of the group and waits for its members, as far as they are our children. The leader has ended but
// is not reaped yet, so that its number, and the group's, cannot be anybody else's.
void reap_group(pid_t leader)
{
    kill(-leader, SIGKILL);
    while (waitpid(leader, nullptr, 0) < 0 && errno == EINTR) {
    }
    // Orphans of the group become our children when we are the first process of a container.
    for (int i = 0; i < 200; ++i) {
        pid_t reaped = waitpid(-leader, nullptr, WNOHANG);
        if (reaped < 0 && errno == ECHILD)
            return;
        if (reaped == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

// A started child; whatever happens, destroying it leaves none of its group.
class Child final {
public:
    explicit Child(const Plan& plan) : pid_(fork_child(plan)) {}
    ~Child()
    {
        kill(pid_);
        reap_group(pid_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    UniqueFd open_descriptor() const
    {
        UniqueFd file(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
        if (!file)
            fail("cannot watch the child");
        return file;
    }
    void kill_group() const noexcept { ::kill(-pid_, SIGKILL); }

    // How it ended, without reaping it. REQUIRES: it has ended, or is about to.
    siginfo_t wait() const
    {
        siginfo_t info{};
        while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0)
            if (errno != EINTR)
                fail("cannot wait for the child");
        return info;
    }

private:
    // Before it has become a group's leader it must be killed by its own number.
    static void kill(pid_t pid) noexcept { ::kill(pid, SIGKILL); }

    pid_t pid_;
};

// Returns when the program runs; throws when it could not be started.
void await_start(Plan& plan)
{
    plan.failure.write_end.reset();
    StartFailure failure;
    ssize_t size = 0;
    do
        size = read(plan.failure.read_end.get(), &failure, sizeof(failure));
    while (size < 0 && errno == EINTR);
    if (size == 0)
        return;
    if (size == sizeof(failure))
        throw std::system_error(failure.error, std::generic_category(),
                                std::string("cannot start ") + plan.arguments[0] + " (" + failure.step + ")");
    fail("cannot start a child");
}

void append_head(std::string& kept, std::string_view piece, std::size_t bytes_max)
{
    kept.append(piece.substr(0, bytes_max - std::min(bytes_max, kept.size())));
}

void append_tail(std::string& kept, std::string_view piece, std::size_t bytes_max)
{
    kept.append(piece);
    if (kept.size() > bytes_max)
        kept.erase(0, kept.size() - bytes_max);
}

// Reads what there is, at most one buffer. False at the end of the pipe.
template <class Take>
bool read_some(int file, Take take)
{
    std::array<char, 16U << 10U> buffer;
    ssize_t size = read(file, buffer.data(), buffer.size());
    if (size > 0)
        take(std::string_view{buffer.data(), static_cast<std::size_t>(size)});
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

class Watch final {
public:
    Watch(const Command& command, Plan& plan, Outcome& outcome)
        : command_(command), output_(std::move(plan.output.read_end)), errors_(std::move(plan.errors.read_end)),
          outcome_(outcome)
    {
        set_nonblocking(output_.get());
        set_nonblocking(errors_.get());
    }

    // Until the child has ended, the time is up or somebody asked; the ending so far (`exited` for the first).
    Ending until_end(int child, const KillSwitch& kill_switch)
    {
        auto deadline = SteadyClock::now() + command_.time_max;
        while (true) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
            if (left <= 0)
                return Ending::timed_out;
            std::array<pollfd, 4> polled{pollfd{child, POLLIN, 0}, pollfd{kill_switch.descriptor(), POLLIN, 0},
                                         pollfd{output_.get(), POLLIN, 0}, pollfd{errors_.get(), POLLIN, 0}};
            if (poll(polled.data(), polled.size(), static_cast<int>(std::min<long>(left, 3'600'000))) < 0 &&
                errno != EINTR)
                fail("poll");
            if (polled[1].revents != 0)
                return Ending::killed;
            if (polled[2].revents != 0)
                take_output();
            if (polled[3].revents != 0)
                take_errors();
            if (polled[0].revents != 0)
                return Ending::exited;
        }
    }

    // What the dead left in the pipes: no more than a pipe holds, lest a survivor keeps us here.
    void drain()
    {
        for (int i = 0; i < 64 && output_ && take_output(); ++i) {
        }
        for (int i = 0; i < 64 && errors_ && take_errors(); ++i) {
        }
    }

private:
    // True when there was something. A closed pipe is forgotten, or poll() would return at once for ever.
    bool take_output()
    {
        std::size_t taken = 0;
        auto take = [&](std::string_view piece) {
            taken = piece.size();
            append_head(outcome_.output, piece, command_.output_bytes_max);
            if (command_.on_output)
                command_.on_output(piece);
        };
        if (!read_some(output_.get(), take))
            output_.reset();
        return taken != 0;
    }

    bool take_errors()
    {
        std::size_t taken = 0;
        auto take = [&](std::string_view piece) {
            taken = piece.size();
            append_tail(outcome_.errors, piece, errors_bytes_max);
        };
        if (!read_some(errors_.get(), take))
            errors_.reset();
        return taken != 0;
    }

    const Command& command_;
    UniqueFd output_;
    UniqueFd errors_;
    Outcome& outcome_;
};

}  // namespace

KillSwitch::KillSwitch() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!event_)
        fail("eventfd");
}

void KillSwitch::request() noexcept
{
    std::uint64_t one = 1;
    // Fails only when the counter is full: then it is readable already.
    [[maybe_unused]] ssize_t written = write(event_.get(), &one, sizeof(one));
}

Outcome run_child(const Sandbox& sandbox, const Command& command, const KillSwitch& kill_switch)
{
    Plan plan = make_plan(sandbox, command);
    Outcome outcome;
    Child child(plan);
    await_start(plan);
    plan.output.write_end.reset();
    plan.errors.write_end.reset();

    UniqueFd watched = child.open_descriptor();
    Watch watch(command, plan, outcome);
    outcome.ending = watch.until_end(watched.get(), kill_switch);
    child.kill_group();
    siginfo_t info = child.wait();
    watch.drain();

    if (outcome.ending != Ending::exited)
        return outcome;
    outcome.code = info.si_status;
    if (info.si_code != CLD_EXITED)
        outcome.ending = info.si_status == SIGXCPU ? Ending::timed_out : Ending::signalled;
    return outcome;
}

std::filesystem::path find_program(std::string_view name)
{
    namespace fs = std::filesystem;
    if (name.starts_with('/'))
        return access(std::string(name).c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
    if (name.empty() || name.contains('/'))
        return {};
    const char* variable = std::getenv("PATH");
    std::string_view rest = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
    while (!rest.empty()) {
        std::string_view directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
        fs::path candidate = fs::path(directory) / name;
        std::error_code ignored;
        // A relative entry of PATH would make the program depend on where it was started.
        if (candidate.is_absolute() && fs::is_regular_file(candidate, ignored) && access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return {};
}

}  // namespace gatehouse::worker
