# Three things come out of this file:
#
#   docker build --target heapguard -t heapguard .   the guard alone, for the Dockerfiles of others to copy from
#   docker build --target heapguard-init -t heapguard-init .
#                                                    the guard and a `cp`, for images that are not to be touched
#   docker build -t thumbnails .                     the service of app/ with the guard in front of it
#
# NODE_IMAGE is what the service runs on. The guard is one bundle for all of them, so it is built on one.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BUILD_IMAGE=node:24-bookworm-slim
# What copies the guard to a volume: anything with a `cp`. The nodes of a cluster that runs Node have this one already.
ARG INIT_IMAGE=${NODE_IMAGE}

# ---- The bundle, with the tools that make it. No NODE_OPTIONS here: npm and esbuild need no guard.
FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build
# The files lie under a node_modules/ folder, where Node's test coverage does not count them as the app's own; what
# --require names are links to them. Each package.json says "commonjs", whatever a package.json in /opt or / says.
RUN mkdir -p /out/node_modules/heapguard \
  && cp -R dist/. /out/node_modules/heapguard/ \
  && cp dist/package.json /out/package.json \
  && cd /out \
  && for file in node_modules/heapguard/*.js; do ln -s "$file" .; done \
  && chmod -R u=rwX,go=rX /out

# ---- Only /opt/heapguard: COPY --from=heapguard /opt/heapguard /opt/heapguard
FROM scratch AS heapguard
LABEL org.opencontainers.image.title="heapguard" \
      org.opencontainers.image.description="A preload script that keeps Node.js from dying of memory without a word" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /out /opt/heapguard

# ---- An init container: it copies the guard to the volume at /heapguard, and ends.
FROM ${INIT_IMAGE} AS heapguard-init
LABEL org.opencontainers.image.title="heapguard-init" \
      org.opencontainers.image.description="Copies heapguard to the volume at /heapguard" \
      org.opencontainers.image.licenses="MIT"
COPY --from=heapguard /opt/heapguard /opt/heapguard
# 1777: a volume that is mounted there for the first time takes over the mode, and then any user of the app can write its
# evidence. With VOLUME it does so on Fargate too.
RUN install -d -m 1777 /heapguard /evidence
VOLUME /heapguard /evidence
USER 1000
CMD ["cp", "-RP", "/opt/heapguard/.", "/heapguard/"]

# ---- What the service needs to run, and nothing else. Installed by the Node that will run it.
FROM ${NODE_IMAGE} AS app-deps
WORKDIR /app
COPY app/package.json app/package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

# ---- The service.
FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="thumbnails" \
      org.opencontainers.image.description="A small HTTP service that runs under heapguard" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
# 1777, as /tmp: Docker gives a tmpfs that is mounted here root as its owner and this folder's mode, and any --user can
# write. No VOLUME: each container would leave an anonymous one behind.
RUN install -d -m 1777 -o node -g node /cache
COPY --from=app-deps /app/node_modules ./node_modules
COPY app ./
ENV NODE_ENV=production \
    PORT=3000 \
    CACHE_DIR=/cache

COPY --from=heapguard /opt/heapguard /opt/heapguard
ENV NODE_OPTIONS="--max-old-space-size=384 --require /opt/heapguard/preload.js"

USER node
EXPOSE 3000
# It is a Node process beside the service, in the same memory, for a moment every half minute.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["node", "healthcheck.js"]
# Node is PID 1 and handles SIGTERM itself: no shell and no init stand between it and docker stop.
CMD ["node", "server.js"]
