/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "probe.h"
#include "status.h"

meadow_status message_format(const struct reading *reading, uint32_t node, char *text, size_t size);
meadow_status message_label(const char *name, char *out);
meadow_status message_parse_interval(const char *text, uint32_t *seconds);
const char *message_status_name(meadow_status status);
