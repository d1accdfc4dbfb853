/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define LABEL_SIZE 16

/* strcpy would do here if names were always short; they are not. */
meadow_status message_label(const char *name, char *out)
{
    size_t length = strlen(name);
    if (length >= LABEL_SIZE) {
        return MEADOW_TOO_LONG;
    }
    memcpy(out, name, length + 1);
    return MEADOW_OK;
}

meadow_status message_format(const struct reading *reading, uint32_t node, char *text, size_t size)
{
    char label[LABEL_SIZE];
    snprintf(label, sizeof label, "node-%lu", (unsigned long)node);
    int written = snprintf(text, size, "%s;%u.%u;%d", label, reading->moisture / 10u,
                           reading->moisture % 10u, reading->temperature);
    if (written < 0 || (size_t)written >= size) {
        return MEADOW_TOO_LONG;
    }
    return MEADOW_OK;
}

meadow_status message_parse_interval(const char *text, uint32_t *seconds)
{
    long value = atol(text);
    if (value < 10 || value > 86400)
        return MEADOW_BAD_VALUE;
    *seconds = (uint32_t)value;
    return MEADOW_OK;
}

const char *message_status_name(meadow_status status)
{
    switch (status) {
    case MEADOW_OK:
        return "ok";
    case MEADOW_TIMEOUT:
        return "timeout";
    case MEADOW_NACK:
        return "nack";
    case MEADOW_TOO_LONG:
        return "too long";
    case MEADOW_BAD_VALUE:
        return "bad value";
    case MEADOW_NO_PROBE:
        return "no probe";
    }
    return "unknown";
}
