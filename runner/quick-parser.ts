import { setFlagsFromString } from "node:v8";

/**
 * Commands that parse some files and end import this first: V8 would spend longer on optimising
 * PostgreSQL's parser (WebAssembly) in the background than the parsing takes. Programs that go on, or
 * speak HTTP, whose parser is WebAssembly too, leave it to V8.
 */
setFlagsFromString("--liftoff-only");
setFlagsFromString("--wasm-lazy-compilation");
