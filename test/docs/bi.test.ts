import { playGuide } from "./play-guide.ts";

await playGuide({ file: "docs/bi.md", published: "before", role: "bi_reader" });
