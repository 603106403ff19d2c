// SPDX-License-Identifier: Apache-2.0
// Whether mails would get away, for `gatehouse doctor`. Blocks, a quarter of a minute at most; any thread.
#pragma once

#include "base/finding.hpp"
#include "notifier/config.hpp"

namespace gatehouse::notifier {

// Connects, secures the connection and logs in as for a mail, and sends none. REQUIRES: settings.url is not empty.
Finding examine_smtp(const Smtp& settings);

}  // namespace gatehouse::notifier
