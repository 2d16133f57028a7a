/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_meter.h"
#include "../clock.h"
#include <stdio.h>
#include <string.h>

#define SHOW_MS 200
#define BAR     30

/* "12.5 MiB" */
static void write_size(char out[24], uint64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)n;
    size_t unit = 0;

    for (; size >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        size /= 1024;
    snprintf(out, 24, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

void meter_show(struct meter *meter, const char *what, uint64_t done, uint64_t total)
{
    char bar[BAR + 1] = "", sizes[2][24];
    double part;

    if (!meter->on || (meter->shown && clock_ms() - meter->at < SHOW_MS))
        return;
    meter->shown = true;
    meter->at = clock_ms();
    if (total == 0) {
        fprintf(stderr, "\r\033[K%s", what);
        fflush(stderr);
        return;
    }
    part = done < total ? (double)done / (double)total : 1;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)(part * BAR));
    write_size(sizes[0], done < total ? done : total);
    write_size(sizes[1], total);
    fprintf(stderr, "\r\033[K%-12s [%s] %3.0f %%  %s of %s", what, bar, part * 100, sizes[0],
            sizes[1]);
    fflush(stderr);
}

void meter_clear(struct meter *meter)
{
    if (meter->shown)
        fputs("\r\033[K", stderr);
    meter->shown = false;
}
