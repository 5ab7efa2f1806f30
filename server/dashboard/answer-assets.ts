import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import express, { type RequestHandler } from "express";

const assetsDirectory = path.join(import.meta.dirname, "assets");
const versioned = ["painel.css", "painel.js"] as const;

function addressOf(name: (typeof versioned)[number]): string {
  const text = readFileSync(path.join(assetsDirectory, name));
  return `/assets/${name}?v=${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** Addresses of the style sheet and the script; another text has another address. */
export const stylesheet = addressOf("painel.css");
export const script = addressOf("painel.js");

/** Serves the style sheet, the script and the icon, which hold no data, to everybody. */
export function answerAssets(): RequestHandler {
  return express.static(assetsDirectory, {
    index: false,
    cacheControl: false,
    setHeaders: (response, file) => {
      response.removeHeader("Vary");
      const isVersioned = versioned.some((name) => path.basename(file) === name);
      const lifetime = isVersioned ? "max-age=31536000, immutable" : "max-age=86400";
      response.setHeader("Cache-Control", `public, ${lifetime}`);
    },
  });
}
