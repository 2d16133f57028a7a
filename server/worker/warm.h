/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_WARM_H
#define KF_WORKER_WARM_H

/**
 * Plan a conversion of a small model of our own, for nothing: who comes after finds the pages of
 * the program and the tables of HDF5 in their places, about 1 ms of work.
 */
void warm_up(void);

#endif
