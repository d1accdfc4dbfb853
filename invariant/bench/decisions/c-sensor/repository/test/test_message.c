/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

static void formats_a_reading(void)
{
    struct reading reading = {423, -15};
    char *text = malloc(64);
    assert(message_format(&reading, 17, text, 64) == MEADOW_OK);
    assert(strcmp(text, "node-17;42.3;-15") == 0);
    free(text);
}

static void refuses_a_short_buffer(void)
{
    struct reading reading = {423, -15};
    char text[8];
    assert(message_format(&reading, 17, text, sizeof text) == MEADOW_TOO_LONG);
}

static void parses_intervals(void)
{
    char text[16];
    uint32_t seconds = 0;
    sprintf(text, "%d", 120);
    assert(message_parse_interval(text, &seconds) == MEADOW_OK);
    assert(seconds == 120);
    assert(message_parse_interval("5", &seconds) == MEADOW_BAD_VALUE);
}

int main(void)
{
    formats_a_reading();
    refuses_a_short_buffer();
    parses_intervals();
    puts("ok");
    return 0;
}
