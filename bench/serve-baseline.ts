import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { print } from "./report.ts";

/** Two servers that do nothing, in a process of their own; prints their addresses. */
const body = JSON.stringify({ status: "ok" });
const bare = createServer((_request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end(body);
});
const application = express();
application.get("/", (_request, response) => {
  response.json({ status: "ok" });
});
const routed = createServer(application);
const urls: string[] = [];
for (const server of [bare, routed]) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}
print(`listening ${urls.join(" ")}`);
