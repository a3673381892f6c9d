# FlexETL as an OCI image; the same file for `docker build` and `podman build`.
#
#   worker      what a cluster runs: no server inside, user 1000
#   test        the sources with all development packages: runs the test suite
#   standalone  worker + a Temporal dev server: one container runs a pipeline (the last stage, so the default)
#
# Compiled parts exist for glibc only, so Debian slim and never Alpine.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG TEMPORAL_IMAGE=docker.io/temporalio/temporal:1.5.1

# ── Packages: cached until the lockfile changes ─────────────────────────────────────────────────────────────
FROM ${NODE_IMAGE} AS packages
WORKDIR /opt/flexetl
COPY package.json package-lock.json ./
# SQLite's binding comes prebuilt; where that cannot be had it is compiled, and only then are compilers needed.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tini >/dev/null \
 && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
 && cd node_modules/better-sqlite3 \
 && if ! npx --no-install prebuild-install; then \
      apt-get install -y -qq --no-install-recommends g++ make python3 >/dev/null \
      && JOBS=max npm run build-release --foreground-scripts >/tmp/sqlite.log 2>&1 || { tail -40 /tmp/sqlite.log; exit 1; }; \
    fi \
 && node -e "new (require('better-sqlite3'))(':memory:')" \
 && rm -rf /var/lib/apt/lists/* /root/.npm /root/.cache

# ── The product, compiled, with its workflow bundle ─────────────────────────────────────────────────────────
FROM packages AS build
COPY . .
RUN npm run build

# ── What runs: production packages, and of their compiled parts only those of this platform ─────────────────
FROM packages AS production
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
 && cd node_modules \
 && platform=$(node -p "({x64:'x86_64',arm64:'aarch64'})[process.arch]")-unknown-linux-gnu \
 && find @temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$platform" -exec rm -rf {} + \
 && rm -rf @temporalio/core-bridge/sdk-core @temporalio/core-bridge/src @temporalio/core-bridge/bridge-macros \
 && find better-sqlite3 -mindepth 1 -maxdepth 1 ! -name lib ! -name build ! -name package.json ! -name LICENSE -exec rm -rf {} + \
 && find better-sqlite3/build -type f ! -name better_sqlite3.node -delete \
# The workflow bundle is prebuilt: the compiler behind it is never called.
 && rm -rf @swc \
 && find . -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \) -delete \
 && find . -type d -empty -delete
COPY --from=build /opt/flexetl/dist ../flexetl/dist
RUN rm -rf dist/bench && find dist -type f \( -name '*.map' -o -name '*.d.ts' \) -delete

# ── The base, flattened: without package managers and headers, and without any program that changes its user ─
FROM ${NODE_IMAGE} AS slim
RUN rm -rf /usr/local/include /usr/local/share /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* /usr/share/doc /usr/share/man /usr/share/locale \
      /var/lib/apt/lists /var/cache/* /var/log/* /root/.npm /home/node/.??* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
# Whoever the container runs as can make files here, and only remove its own.
 && mkdir -p /app/configs /app/data /app/output /app/logs /app/.flexetl /staging \
 && chown 1000:1000 /app/output \
 && chmod 1777 /app /app/logs /app/.flexetl /staging

FROM scratch AS worker
COPY --from=slim / /
COPY --from=packages /usr/bin/tini /usr/bin/tini
COPY --from=production /opt/flexetl/node_modules /opt/flexetl/node_modules
COPY --from=production /opt/flexetl/package.json /opt/flexetl/package.json
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
LABEL org.opencontainers.image.title="FlexETL" \
      org.opencontainers.image.description="Durable ETL pipelines on Temporal: exact numbers, nothing lost or doubled." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="https://github.com/flexetl/flexetl" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
USER 1000:1000
STOPSIGNAL SIGTERM
# Asks the worker itself whether it polls and its server answers. (OCI images have no place for it: podman needs
# `--format docker` to keep it; the compose file states it again.)
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["flexetl", "health"]
ENTRYPOINT ["flexetl"]
CMD ["worker"]

# ── The test suite; runs as root inside its container because its tests change users and permissions ────────
FROM ${TEMPORAL_IMAGE} AS temporal

FROM build AS test
COPY --from=temporal /usr/local/bin/temporal /usr/local/bin/temporal
ENV CI=1
ENTRYPOINT ["tini", "--"]
CMD ["npx", "jest"]

# ── One container for everything: `docker run -v ./data:/app/data:ro -v ./output:/app/output flexetl` ───────
FROM worker AS standalone
COPY --from=temporal /usr/local/bin/temporal /usr/local/bin/temporal
# Root only until the entrypoint has become the owner of the mounted output folder; see deploy/container/flexetl.
USER 0:0
CMD ["run", "sales"]
