# FlexETL as an OCI image; the same file for `docker build` and `podman build`.
#
#   worker      what a cluster runs: no server inside, user 1000
#   test        the sources with all development packages: runs the test suite
#   standalone  worker + a Temporal dev server: one container runs a pipeline (the last stage, so the default)
#
# Compiled parts exist for glibc only, so the base is Debian slim, never Alpine.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG TEMPORAL_IMAGE=docker.io/temporalio/temporal:1.5.1

# ── Packages: cached until the lockfile changes ─────────────────────────────────────────────────────────────
FROM ${NODE_IMAGE} AS packages
WORKDIR /opt/flexetl
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tini >/dev/null && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
# No package needs a compiler: all native parts are prebuilt, and those of other platforms are removed here.
RUN npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error && rm -rf /root/.npm \
 && cd node_modules/@temporalio/core-bridge && rm -rf sdk-core src bridge-macros \
 && platform=$(node -p "({x64:'x86_64',arm64:'aarch64'})[process.arch]")-unknown-linux-gnu \
 && find releases -mindepth 1 -maxdepth 1 ! -name "$platform" -exec rm -rf {} +

# ── The product, compiled, with its workflow bundle ─────────────────────────────────────────────────────────
FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY plugin plugin
COPY pipeline pipeline
COPY runtime runtime
COPY sources sources
COPY targets targets
COPY engine engine
COPY activities activities
COPY workflows workflows
COPY worker worker
COPY server server
COPY control control
COPY client client
COPY build build
COPY bench bench
RUN npm run build

# ── What runs: production packages ──────────────────────────────────────────────────────────────────────────
FROM packages AS production
# Of the two bindings of SQLite this Node uses 13, which is prebuilt: docs/decisions/0010-two-sqlite-bindings.md
RUN npm pkg delete optionalDependencies.better-sqlite3 \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error && rm -rf /root/.npm
# The workflow bundle is prebuilt: its compiler is never called.
RUN cd node_modules && rm -rf @swc \
 && cd better-sqlite3-13 && rm -rf deps src node_modules \
 && find prebuilds -type f ! -name "linux-$(node -p process.arch).node" -delete && cd .. \
 && find . -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \) -delete \
 && find . -type d -empty -delete
COPY deploy/container/sbom.js /tmp/sbom.js
RUN node /tmp/sbom.js >sbom.cdx.json
COPY --from=build /opt/flexetl/dist dist
RUN rm -rf dist/bench && find dist -type f \( -name '*.map' -o -name '*.d.ts' \) -delete

# ── The base, flattened: without package managers, headers, and any program that changes its user ───────────
FROM ${NODE_IMAGE} AS slim
RUN rm -rf /usr/local/include /usr/local/share /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* /usr/bin/apt* /usr/lib/apt /usr/lib/*/libapt* \
      /usr/lib/*/gconv /usr/share/doc /usr/share/info /usr/share/man /usr/share/locale /usr/share/bash-completion \
      /var/lib/apt /var/cache/* /var/log/* /root/.npm /home/node/.??* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
# Any user of the container can create files here, and remove only its own.
 && mkdir -p /app/configs /app/data /app/output /app/logs /app/.flexetl /staging \
 && chown 1000:1000 /app/output \
 && chmod 1777 /app /app/logs /app/.flexetl /staging

FROM scratch AS worker
COPY --from=slim / /
COPY --from=packages /usr/bin/tini /usr/bin/tini
COPY --from=production /opt/flexetl/node_modules /opt/flexetl/node_modules
COPY --from=production /opt/flexetl/package.json /opt/flexetl/sbom.cdx.json /opt/flexetl/
COPY --from=production /opt/flexetl/dist /opt/flexetl/dist
COPY LICENSE /opt/flexetl/LICENSE
COPY deploy/container/flexetl /usr/local/bin/flexetl
COPY configs /app/configs
COPY data /app/data
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp \
    NODE_ENV=production \
    FLEXETL_PROJECT_DIR=/app
WORKDIR /app
ARG VERSION=dev
ARG REVISION=unknown
# Where its source code is; given by the build.
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="FlexETL" \
      org.opencontainers.image.description="Durable ETL pipelines on Temporal: exact numbers, nothing lost or doubled." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
USER 1000:1000
STOPSIGNAL SIGTERM
# Asks the worker itself whether it polls and its server answers. (OCI images have no place for it: podman needs
# `--format docker` to keep it; the compose file has it too.)
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["flexetl", "health"]
ENTRYPOINT ["flexetl"]
CMD ["worker"]

# ── The test suite; runs as root inside its container because its tests change users and permissions ────────
FROM ${TEMPORAL_IMAGE} AS temporal

FROM build AS test
COPY . .
COPY --from=temporal /usr/local/bin/temporal /usr/local/bin/temporal
ENV CI=1
ENTRYPOINT ["tini", "--"]
CMD ["node", "node_modules/jest/bin/jest.js"]

# ── One container for everything: `docker run -v ./data:/app/data:ro -v ./output:/app/output flexetl` ───────
FROM worker AS standalone
# The same project in every container, so that a run key loads once although .flexetl goes with the container.
ENV FLEXETL_PROJECT=flexetl
COPY --from=temporal /usr/local/bin/temporal /usr/local/bin/temporal
# Root only until the entrypoint has become the owner of the mounted output folder; see deploy/container/flexetl.
USER 0:0
CMD ["run", "sales"]
