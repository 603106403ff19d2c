// SPDX-License-Identifier: Apache-2.0
// Writing the whole of something into a descriptor that waits: a file, a pipe, a terminal.
#pragma once

#include <string_view>

namespace gatehouse {

// False with errno when some of it could not be written. Goes on where a signal interrupted it.
[[nodiscard]] bool write_all(int fd, std::string_view bytes);

}  // namespace gatehouse
