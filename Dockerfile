# syntax=docker/dockerfile:1
#
#   docker build -t pinyon .
#   docker run -p 8080:8080 -v ./pinyon.yaml:/etc/pinyon/pinyon.yaml:ro -v pinyon-data:/data pinyon
#
# The configuration is yours to mount, with `listen: 0.0.0.0:8080` and `data_dir: /data`. Other commands run the same way:
#   docker run --rm -v ./pinyon.yaml:/etc/pinyon/pinyon.yaml:ro pinyon check-config

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN node src/build.mjs

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are a Node for machines without this one.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production PINYON_CONFIG=/etc/pinyon/pinyon.yaml
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# What compiling gives is made once, here, instead of at every start.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN node dist/main.js --help > /dev/null
RUN install -d -o node -g node /data
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
