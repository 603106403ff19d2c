// SPDX-License-Identifier: Apache-2.0
#include "app/process_metrics.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace gatehouse::app {

namespace {

double to_seconds(const timeval& time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double count_open_files()
{
    std::error_code error;
    std::size_t count = 0;
    for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        ++count;
    return static_cast<double>(count);
}

}  // namespace

ProcessMetrics::ProcessMetrics(Metrics& metrics)
    : resident_(metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.")),
      virtual_(metrics.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")),
      open_fds_(metrics.gauge("process_open_fds", "Number of open file descriptors.")),
      max_fds_(metrics.gauge("process_max_fds", "Maximum number of open file descriptors.")),
      cpu_seconds_(metrics.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."))
{
    auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    metrics.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.").Set(now);
    metrics.gauge("gatehouse_build_info", "The program's version; always 1.", {{"version", GATEHOUSE_VERSION}}).Set(1);
}

void ProcessMetrics::update()
{
    std::lock_guard guard(mutex_);
    std::uint64_t virtual_pages = 0, resident_pages = 0;
    if (std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages) {
        auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
        virtual_.Set(static_cast<double>(virtual_pages) * page_bytes);
        resident_.Set(static_cast<double>(resident_pages) * page_bytes);
    }
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0)
        cpu_seconds_.Increment(to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime) - cpu_seconds_.Value());
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        max_fds_.Set(static_cast<double>(limit.rlim_cur));
    open_fds_.Set(count_open_files());
}

}  // namespace gatehouse::app
