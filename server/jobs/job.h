/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_JOB_H
#define KF_SERVER_JOB_H

#include <jansson.h>
#include <kf/options.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A job is a folder of its own, mode 0700, with fixed names in it:
 *
 *   in             the input, written by the service; the command line passes its file's
 *                  descriptor instead and this name is absent
 *   in-1, in-2     further files of the same model, likewise
 *   request.json   options and file name, in the words of api/params.h, and `inputs`: what each
 *                  descriptor is
 *   report.json    written by the worker, always
 *   facts.json     written by the worker for `inspect` and `diff`
 *   models.json    written by the worker when the input holds several models, see models.h; what
 *                  it had to unpack is then in `unpacked`
 *   artifact       written by the worker when a conversion succeeded; appears whole
 *   progress       how far the worker has come (progress.h), where somebody wants to know
 *   log            what the worker said on standard error, at most 64 KiB
 */
enum job_task {
    JOB_CONVERT,
    JOB_PLAN,
    JOB_INSPECT,
    JOB_LIST, /* only models.json, also of one model */
    JOB_DIFF  /* of two inputs */
};

/* How a worker ended. Everything below JOB_REFUSED is the file's doing: 422, exit status 65. */
enum job_outcome {
    JOB_DONE,         /* exit 0: report.json and what was asked for are there */
    JOB_REFUSED,      /* exit 65: report.json says why */
    JOB_CRASHED,      /* a signal that nobody sent */
    JOB_MEMORY,       /* exit 71: ran into its memory limit */
    JOB_TIMEOUT,      /* killed at the deadline, or SIGXCPU */
    JOB_VIOLATION,    /* SIGSYS: did what the sandbox forbids */
    JOB_STALLED,      /* killed because it made no progress */
    JOB_CANCELLED,    /* killed because nobody waits any more */
    JOB_CANNOT_WRITE, /* exit 73: no room, or the folder cannot be written */
    JOB_REMOTE,       /* no worker's end: a source could not be fetched, a target not written */
    JOB_NO_SANDBOX,   /* exit 78: KFERRY_SANDBOX=require and it cannot be had */
    JOB_INTERNAL      /* exit 70, or the worker could not be started */
};

struct job_limits {
    uint64_t memory;      /* bytes of address space */
    uint64_t file_size;   /* bytes the largest written file may have */
    unsigned cpu;         /* seconds of processor time */
    unsigned deadline_ms; /* wall clock */
    unsigned stall_ms;    /* wall clock without progress; 0 for no limit */
};

enum sandbox_mode { SANDBOX_PREFER, SANDBOX_REQUIRE, SANDBOX_OFF };

/* Descriptors of inputs that a worker may get, side by side from this one on. */
#define JOB_INPUTS_MAX 1024
#define JOB_INPUT_FD   3

/** Allow this process as many descriptors as it may have: each input is one, and a worker's copy of
 * it another. */
void job_raise_files(void);

/*
 * One file of a job's model: the model itself first, then its further files and its architecture.
 * Everything is borrowed.
 */
struct job_input {
    int fd;            /* read-only; the worker gets the first as descriptor 3, the next as 4 */
    const char *name;  /* as the user knows it, without folders; never NULL */
    bool architecture; /* given for weights that come without one */
    bool ranged;       /* only the bytes [at, at + size) of the file */
    uint64_t at, size;
    const char *kind; /* of a folder, which no file of it tells; else NULL */
};

struct job {
    const char *dir; /* the folder, absolute */
    const struct job_input *inputs;
    size_t n_inputs;
    enum job_task task;
    enum sandbox_mode sandbox;
    struct job_limits limits;
    int cancel_fd; /* becomes readable when the job is to be cancelled, or -1 */
    int progress;  /* progress_create()'s descriptor, or -1: then nobody looks whether it stalls */
};

struct job_result {
    enum job_outcome outcome;
    int signal;       /* for JOB_CRASHED */
    uint64_t max_rss; /* bytes */
    uint64_t wall_ms, cpu_ms;
    int pid;
};

/** Run a job's worker to its end: start, wait, kill at the deadline or on cancel, classify. */
void job_run(const struct job *job, struct job_result *out);

/**
 * Wait until the process of the calling thread's last job is gone: it may still be giving its
 * memory back when job_run() returns.
 */
void job_bury(void);

/**
 * What the worker's sandbox can do here, as `kferry-worker probe` says it: {"mode", "level",
 * "landlock", "seccomp", "missing"}. New reference, NULL when the worker cannot be run; exit_out
 * gets its exit status, 78 when `mode` is SANDBOX_REQUIRE and something is missing.
 */
json_t *job_probe(enum sandbox_mode mode, int *exit_out);

/** "done", "refused", "worker-crashed", ...: the slug of an outcome, for problems and logs. */
const char *job_outcome_slug(enum job_outcome outcome);

/** Make a folder for a job below `parent` ("<parent>/<prefix>XXXXXX"); malloc'ed path or NULL,
 * errno. */
char *job_dir_create(const char *parent, const char *prefix);

/** Remove a job's folder and all in it, best effort. */
void job_dir_remove(const char *dir);

/* What a worker is told besides. */
struct job_told {
    bool settled;              /* a worker has found that the inputs are one model */
    bool brief;                /* nobody will read which tensors the report has */
    bool passes;               /* the result is sent, and gone */
    const char *before, *next; /* of a part of a folder: the files next to it, NULL for none */
};

/** Write request.json for a job of these inputs. 0, or -1 with errno. */
struct kf_request;
int job_write_request(const char *dir, const struct kf_request *request,
                      const struct job_input *inputs, size_t n_inputs, struct job_told told);

#endif
