/* SPDX-License-Identifier: BSD-3-Clause */
#include "radio.h"

#include <string.h>

#include "bus.h"

#define RADIO_ADDRESS 0x50u /* data sheet of the radio, page 4 */
#define RX_SIZE 64u

static volatile uint8_t rx_buffer[RX_SIZE];
static volatile uint8_t rx_count;
static uint8_t rx_overrun;

void radio_rx_isr(uint8_t byte)
{
    if (rx_count < RX_SIZE) {
        rx_buffer[rx_count] = byte;
        rx_count++;
    } else {
        rx_overrun = 1;
    }
}

uint8_t checksum(const uint8_t *bytes, size_t count)
{
    if (count == 0) {
        return 0;
    }
    return (uint8_t)(bytes[0] ^ checksum(bytes + 1, count - 1));
}

meadow_status radio_send(const char *text)
{
    uint8_t frame[320];
    size_t length = strlen(text);
    if (length + 2 > sizeof frame) {
        return MEADOW_TOO_LONG;
    }
    frame[0] = (uint8_t)length;
    memcpy(frame + 1, text, length);
    frame[length + 1] = checksum(frame, length + 1);
    return bus_write(RADIO_ADDRESS, frame, length + 2);
}

meadow_status radio_take(char *text, size_t size)
{
    uint8_t count = rx_count;
    if (rx_overrun != 0 || count >= size) {
        rx_overrun = 0;
        rx_count = 0;
        return MEADOW_TOO_LONG;
    }
    for (int i = 0; i < count; i++) {
        text[i] = (char)rx_buffer[i];
    }
    text[count] = '\0';
    rx_count = 0;
    return MEADOW_OK;
}
