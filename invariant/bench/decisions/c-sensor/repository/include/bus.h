/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEADOW_BUS_H
#define MEADOW_BUS_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

meadow_status bus_write(uint8_t address, const uint8_t *bytes, size_t count);
meadow_status bus_read(uint8_t address, uint8_t *bytes, size_t count);
void power_sleep_ms(uint32_t milliseconds);

/* Called by the radio for each byte that it has received. */
void radio_rx_isr(uint8_t byte);

#endif
