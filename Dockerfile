# Ringway in a container. The base needs Node 20.17 or newer (npm and headers beside it) on Debian or Ubuntu; where no
# image registry can be reached, tools/dev/container/base-image.ts makes one. Nothing but the package registries is
# contacted; --network, proxies and the arguments below say how. docs/containers.md has the rest.
#
#     docker build -t ringway .
#     docker build -t ringway-peer --target peer .
ARG BASE=node:20-bookworm-slim

# The addon and the compiled TypeScript.
FROM ${BASE} AS build
# For a registry, and certificates, of one's own; they stay in this stage.
ARG NPM_CONFIG_REGISTRY
ARG NODE_EXTRA_CA_CERTS
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/ringway
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY tsconfig.json tsconfig.build.json binding.gyp ./
COPY bin bin
COPY native native
COPY tools tools
COPY src src
# What is left of node_modules is what `ringway sim` and `ringway report` need.
RUN npm run build:native && npm run build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

# What runs: Node, the compiled code and the addon.
FROM ${BASE} AS runtime
WORKDIR /opt/ringway
COPY package.json LICENSE ./
COPY bin bin
COPY examples examples
COPY --from=build /opt/ringway/build/Release/ringway.node build/Release/
COPY --from=build /opt/ringway/node_modules node_modules
COPY --from=build /opt/ringway/dist dist
RUN ln -s /opt/ringway/bin/ringway.js /usr/local/bin/ringway

# A Linux machine to talk to: docker-compose.yml puts it beside the stack.
FROM runtime AS peer
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends curl iproute2 iputils-ping \
 && rm -rf /var/lib/apt/lists/*
CMD ["node", "dist/tools/start/peer-server.js"]

FROM runtime AS ringway
CMD ["ringway", "doctor"]
