/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_AUTO_H
#define KF_BASE_AUTO_H

/* A local that owns: destroyed when it leaves scope, on every path. */
#define KF_AUTO(type) __attribute__((cleanup(type##_destroyp))) struct type *

/* Beside each type's create/destroy pair, in its header. */
#define KF_DEFINE_AUTO(type)                                                                       \
    static inline void type##_destroyp(struct type **p)                                            \
    {                                                                                              \
        type##_destroy(*p);                                                                        \
    }                                                                                              \
    static inline struct type *type##_take(struct type **p)                                        \
    {                                                                                              \
        struct type *v = *p;                                                                       \
        *p = NULL;                                                                                 \
        return v;                                                                                  \
    }

/* The only macro that may return; safe because locals that own are KF_AUTO. */
#define KF_TRY(expr)                                                                               \
    do {                                                                                           \
        int kf_r_ = (expr);                                                                        \
        if (kf_r_ < 0)                                                                             \
            return kf_r_;                                                                          \
    } while (0)

#endif
