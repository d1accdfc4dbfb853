/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe.h"

#include "bus.h"

#define PROBE_ADDRESS 0x36u       /* data sheet, page 9 */
#define REGISTER_STATUS 0x00u     /* data sheet, page 14 */
#define REGISTER_MOISTURE 0x0Fu   /* data sheet, page 16 */
#define STATUS_READY 0x01u        /* data sheet, page 14 */
#define MAX_FAILURES 3u
#define READ_BYTES 4u

static uint8_t failures;

static uint16_t big_endian(const uint8_t *bytes)
{
    return (uint16_t)((uint16_t)(bytes[0] << 8) | bytes[1]);
}

meadow_status probe_init(void)
{
    const uint8_t reset[2] = {REGISTER_STATUS, 0x7F};
    meadow_status status = bus_write(PROBE_ADDRESS, reset, sizeof reset);
    if (status != MEADOW_OK) {
        return status;
    }
    uint8_t state = 0;
    while ((state & STATUS_READY) == 0) {
        status = bus_read(PROBE_ADDRESS, &state, 1);
        if (status != MEADOW_OK) {
            return status;
        }
    }
    failures = 0;
    return MEADOW_OK;
}

meadow_status probe_read(struct reading *out)
{
    uint8_t request = REGISTER_MOISTURE;
    uint8_t bytes[READ_BYTES];
    meadow_status status = bus_write(PROBE_ADDRESS, &request, 1);
    if (status != MEADOW_OK) {
        goto failed;
    }
    power_sleep_ms(5);
    status = bus_read(PROBE_ADDRESS, bytes, sizeof bytes);
    if (status != MEADOW_OK) {
        goto failed;
    }
    out->moisture = big_endian(bytes);
    out->temperature = (int16_t)big_endian(bytes + 2);
    failures = 0;
    return MEADOW_OK;

failed:
    if (failures < MAX_FAILURES) {
        failures++;
    }
    return failures == MAX_FAILURES ? MEADOW_NO_PROBE : status;
}
