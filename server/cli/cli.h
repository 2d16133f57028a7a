/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_H
#define KF_SERVER_CLI_H

#include "../jobs/job.h"
#include "../settings/config.h"
#include "cli_rows.h"
#include "exit_codes.h"
#include "params.h"
#include <stdbool.h>
#include <sys/stat.h>

/* Commands with flags of the table in cli_args.c. */
enum command {
    COMMAND_CONVERT = 1,
    COMMAND_INSPECT = 2,
    COMMAND_FORMATS = 4,
    COMMAND_DIFF = 8,
    COMMAND_HEALTH = 16,
    COMMAND_OPENAPI = 32
};

/* What help, manual and completion say of a command, and what runs it. */
struct cli_command {
    const char *name;
    unsigned flags;                          /* enum command, 0 for none */
    int (*run)(int argc, char *const *argv); /* its arguments, without the name; an exit status */
    const char *synopsis, *summary;
    const char *text; /* paragraphs, or NULL */
    bool parameters;  /* takes those of the API */
    bool settings;    /* takes those of the service */
};

/* One flag. */
struct cli_flag {
    const char *name;
    char letter;       /* 0 for none */
    const char *value; /* "FILE"; NULL for a switch */
    unsigned commands; /* enum command */
    size_t offset;     /* in struct cli, of a const char * or a bool */
    const char *help;  /* NULL when the table of parameters has it */
};

struct cli_exit {
    int status;
    const char *help;
};

#define CLI_NAME_SIZE 64

/** "input-shape" of "input_shape": as people type it. */
void cli_dashed(char out[CLI_NAME_SIZE], const char *name);

/** Rows of the tables, NULL past the end. */
const struct cli_command *cli_command_at(size_t index);
const struct cli_command *cli_command_find(const char *name);
const struct cli_flag *cli_flag_at(size_t index);
const struct cli_exit *cli_exit_at(size_t index);

/* What a command line says. */
struct cli {
    enum command command;
    struct kf_request request;
    const char *inputs[JOB_INPUTS_MAX]; /* files and folders; borrowed from argv */
    size_t n_inputs;
    const char *output, *report, *architecture; /* borrowed from argv; NULL when not given */
    const char *server, *token_file, *ca;       /* of a service that does the work */
    const char *wait;                           /* seconds */
    bool dry_run, sha256, json, quiet, yaml;
    bool unpacked; /* the result is a folder */
};

/**
 * Read the arguments that follow the command's name.
 *
 * 0, or an exit status after the reason was printed. cli_finish() in both cases.
 */
int cli_parse(struct cli *cli, enum command command, int argc, char *const *argv);
void cli_finish(struct cli *cli);

/** The commands: their arguments, without the command's name; the exit status. */
int cli_convert(int argc, char *const *argv);
int cli_inspect(int argc, char *const *argv);
int cli_diff(int argc, char *const *argv);
int cli_formats(int argc, char *const *argv);
int cli_config(int argc, char *const *argv);
int cli_serve(int argc, char *const *argv);
int cli_health(int argc, char *const *argv);
int cli_openapi(int argc, char *const *argv);
int cli_completion(int argc, char *const *argv);
int cli_man(int argc, char *const *argv);
int cli_help(int argc, char *const *argv);
int cli_version(int argc, char *const *argv);

/** Print "kferry: ..." to standard error. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** True when there is a folder at `path`. */
bool cli_is_folder(const char *path);
/** True when -o is where several results may go. */
bool cli_takes_several(const struct cli *cli);

/* One worker's run for the command line, in a folder that is removed at the end. */
struct cli_job {
    const struct cli *cli;
    char *dir;                               /* owned; NULL before cli_job_begin() */
    struct job_input inputs[JOB_INPUTS_MAX]; /* descriptors and names owned */
    size_t n_inputs;
    struct stat output; /* of the folder where results go, which is not walked; zeros for none */
    int cancel_fd;      /* owned; -1 for none */
    json_t *report, *facts; /* owned; NULL when the worker left none */
    struct cli_rows rows;   /* of `report`, where it is only written to a file */
    struct job_result result;
    bool told;             /* why there is no report was said already */
    struct remote *remote; /* owned; NULL while nothing is far away */
    struct resume *resume; /* owned; of a folder that goes into another far away, NULL else */
    struct parts *parts;   /* owned; of a folder far away that goes into one, NULL else */
    const char *parent;    /* of `dir`; borrowed */
    char *fetched;         /* folder of the inputs that were fetched; owned, NULL for none */
    char sha256[65];
};

/**
 * Open the inputs and make the folder, below `parent` or, when it is NULL, where temporary files
 * go.
 *
 * 0, or an exit status after the reason was printed. cli_job_finish() in both cases.
 */
int cli_job_begin(struct cli_job *job, const struct cli *cli, const char *parent);

/** Take the next part of a folder far away: true when there is one, with 0 or an exit status. */
bool cli_job_next(struct cli_job *job, int *status);

/** Run the worker and read what it wrote; the exit status its end stands for. */
int cli_job_run(struct cli_job *job, enum job_task task);

/** The order for a worker of the job, without inputs: 0, or an exit status after the reason. */
int cli_job_order(const struct cli_job *job, enum job_task task, struct job *out);

/* Inputs and results that are elsewhere, cli_uri.c: exit statuses, after the reason was printed. */

/** Fetch an URI, or all below one that ends with "/", and add it to the inputs. */
int cli_uri_add(struct cli_job *job, const char *uri, bool architecture);
/** May the URI be written, as far as that is known beforehand? */
int cli_uri_check(struct cli_job *job, const char *uri);
/** Put the artefact in `dir` there, and the report beside it; either may be NULL. */
int cli_uri_publish(const struct cli_job *job, const char *dir, const char *uri,
                    const json_t *report);
int cli_uri_store_file(const struct cli_job *job, const char *path, const char *uri);
int cli_uri_store_json(const struct cli_job *job, const char *uri, const json_t *value);
/** Remove what was fetched. */
void cli_uri_drop(struct cli_job *job);
void cli_uri_end(struct cli_job *job);

/** The folder of temporary files. */
const char *cli_temporary(void);

/** What the end of a worker means to the shell. */
int cli_exit_of(enum job_outcome outcome);

/**
 * Convert each of the models that the worker found, into `folder`; NULL only plans. Prints a table.
 *
 * The exit status: EXIT_REFUSED when one or more failed. cli_batch.c
 */
int cli_batch(const struct cli_job *job, const char *folder);
/** True when a worker handed several models back. */
bool cli_batch_found(const struct cli_job *job);
/** True when an earlier call or part has results, and all that was refused is no model. */
bool cli_batch_goes_on(const struct cli_job *job);
/** Print what became of several models and write --report: the exit status. */
int cli_batch_tell(const struct cli_job *job, const json_t *summary, int status);
/**
 * Put the artefact in `dir` to its place below `folder`, and where that is an URI the report beside
 * it, of what was refused too; either may be NULL. The exit status.
 */
int cli_batch_publish(const struct cli_job *job, const char *dir, const char *folder,
                      const char *output, const json_t *report);

/** Write a report as --report says; EXIT_FINE without the flag. */
int cli_write_report(const struct cli_job *job, const json_t *report);
/** The script of --verify, called after the result; what is not asked for is no failure. */
int cli_write_script(const struct cli_job *job, const char *result, const json_t *report);
/** Put the artefact of the job in `dir` to where it belongs. */
int cli_publish(const char *dir, const char *to);
/**
 * The same for one that is to be a folder, cli_folder.c: it appears whole, and takes the place of a
 * SavedModel only. Below an URI its files come one by one, and the report, which may be NULL, last.
 */
int cli_folder_publish(const struct cli_job *job, const char *dir, const char *to,
                       const json_t *report);
/** The name of a result as it is published: of a folder without what it is packed in; malloc'ed. */
char *cli_folder_name(const struct cli *cli, const char *output);

/** Tell why there is no report; nothing when there is one that says why. */
void cli_job_explain(const struct cli_job *job);

/** Close the inputs, and remove those that were fetched: from here on nothing reads them. */
void cli_job_drop_inputs(struct cli_job *job);

/** Remove everything. When a signal had stopped the job, the process ends by it here. */
void cli_job_finish(struct cli_job *job);

/** A job from begin to finish that writes no file; `run` gives its exit status, as this does. */
int cli_job_do(const struct cli *cli, int (*run)(struct cli_job *job));

/* Texts out of a model file may hold what a terminal obeys: these print it as "?". */
void cli_print(FILE *out, const char *text);
void cli_print_lines(FILE *out, const json_t *strings);
/** One member a line, "name  value"; what is no scalar is left out. */
void cli_print_members(FILE *out, const json_t *object);
/** Rows of an array of objects under the names of the first one's members. */
void cli_print_table(FILE *out, const json_t *rows, size_t max);

#endif
