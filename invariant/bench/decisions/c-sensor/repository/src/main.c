/* SPDX-License-Identifier: BSD-3-Clause */
#include "bus.h"
#include "message.h"
#include "probe.h"
#include "radio.h"

#define DEFAULT_SECONDS 600u
#define NODE 17u

static char line[512];

static uint32_t next_interval(uint32_t seconds)
{
    uint32_t wanted = 0;
    if (radio_take(line, sizeof line) == MEADOW_OK && line[0] == 'i' &&
        message_parse_interval(line + 1, &wanted) == MEADOW_OK) {
        return wanted;
    }
    return seconds;
}

static void report(void)
{
    struct reading reading = {0, 0};
    meadow_status status = probe_read(&reading);
    if (status == MEADOW_OK) {
        status = message_format(&reading, NODE, line, sizeof line);
    }
    if (status == MEADOW_OK) {
        status = radio_send(line);
    }
    if (status != MEADOW_OK) {
        /* Nobody can be told when the radio itself is what failed. */
        (void)radio_send(message_status_name(status));
    }
}

int main(void)
{
    uint32_t seconds = DEFAULT_SECONDS;
    probe_init();
    for (;;) {
        report();
        seconds = next_interval(seconds);
        power_sleep_ms(seconds * 1000u);
    }
}
