/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEADOW_STATUS_H
#define MEADOW_STATUS_H

/* How an operation ended. */
typedef enum {
    MEADOW_OK = 0,
    MEADOW_TIMEOUT,
    MEADOW_NACK,
    MEADOW_TOO_LONG,
    MEADOW_BAD_VALUE,
    MEADOW_NO_PROBE,
} meadow_status;

#endif
