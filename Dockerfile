# SPDX-License-Identifier: Apache-2.0
# The image of the service: docker build -t kferry .
#
# `build` compiles and runs the quick tests on Debian 13; warnings that the compiler of another
# machine may have stop nobody there. The image itself begins empty and holds the two programs, the
# libraries that they map and what those read. deploy/README.md runs it, deploy/image builds it where
# there is no Docker.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/packages deploy/
# The libraries that are copied below are those of today, not those of the base.
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y -qq && \
    deploy/packages build libcmocka-dev && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake -B build -DCMAKE_INSTALL_PREFIX=/usr -DKF_WERROR=OFF && \
    cmake --build build -j "$(nproc)" && \
    ctest --test-dir build -L 'unit|golden' -E 'torture|postgres' -j "$(nproc)" --output-on-failure
RUN DESTDIR=/image cmake --install build --strip && deploy/image-root /image && \
    install -d -m 0775 /volumes/scratch /volumes/data

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kferry" \
      org.opencontainers.image.description="Carries Keras model files from one Keras to another" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="scratch"
COPY --from=build /image /
# Group 0 as well as the user owns what is written: any other user of that group may be given.
COPY --from=build --chown=65532:0 /volumes /
USER 65532:0
WORKDIR /scratch
ENV KFERRY_LISTEN=0.0.0.0:8080 \
    KFERRY_ADMIN_LISTEN=0.0.0.0:9090 \
    KFERRY_SCRATCH_DIR=/scratch \
    KFERRY_DATA=/data
VOLUME ["/scratch", "/data"]
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["/usr/bin/kferry", "health", "--quiet"]
ENTRYPOINT ["/usr/bin/kferry"]
CMD ["serve"]
