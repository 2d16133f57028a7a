# SPDX-License-Identifier: Apache-2.0
"""Calls that are made in one place only, or nowhere."""
import re

# (functions, where they may be called, why)
RULES = (
    (r"(?:malloc|calloc|realloc|strdup|strndup|free)", r"core/base/alloc\.c|server/|api/|tests/", "the core allocates by kf_alloc"),
    (r"H5[A-Z]+[a-z]\w*", r"core/io/h5/|tests/|server/worker/hdf5_stubs\.c", "HDF5 is called by core/io/h5/ only"),
    (r"zip_[a-z]\w*", r"core/io/zip/|tests/|server/jobs/zip_store\.[ch]|server/jobs/archive\.c", "libzip is called by core/io/zip/ only"),
    (r"MHD_create_response\w*", r"server/http/reply\.c|tests/", "answers are made by server/http/reply.c"),
    (r"(?:sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|atof|system|popen|gets|alloca|setjmp|longjmp|mktemp|tmpnam)", r"tests/",
     "never: it has no bound, no error or no end"),
    (r"(?:printf|puts|putchar|perror|syslog|exit|abort|getenv|fork|pthread_\w+)", r"server/|tests/",
     "the core and api/ have no output, no environment, no processes and no threads"),
)


def check_calls(sources):
    for functions, allowed, why in RULES:
        call = re.compile(r"(?<![\w.>])" + functions + r"\s*\(")
        for source in sources:
            if allowed and re.match(allowed, source.name):
                continue
            for match in call.finditer(source.code):
                yield source.name, source.line_of(match.start()), f"{match.group().strip('( ')}: {why}"

