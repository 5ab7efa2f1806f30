import { playGuide } from "./play-guide.ts";

await playGuide({ file: "docs/analista.md", published: "before" });
