import { playGuide } from "./play-guide.ts";

await playGuide({ file: "README.md", published: "before" });
