/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEADOW_PROBE_H
#define MEADOW_PROBE_H

#include <stdint.h>

#include "status.h"

/* One reading of the probe: moisture in tenths of a percent, temperature in tenths of a degree. */
struct reading {
    uint16_t moisture;
    int16_t temperature;
};

meadow_status probe_init(void);
meadow_status probe_read(struct reading *out);

#endif
