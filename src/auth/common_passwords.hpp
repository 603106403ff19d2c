// SPDX-License-Identifier: Apache-2.0
// The passwords that everybody tries first. Immutable; any thread.
#pragma once

#include <string_view>

namespace gatehouse::auth {

// `folded`: in lower case, as fold_name() makes it.
bool is_common_password(std::string_view folded);

}  // namespace gatehouse::auth
