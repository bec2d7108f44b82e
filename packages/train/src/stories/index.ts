export { storyCorpus } from "./corpus.ts";
export type { StoryCorpus } from "./corpus.ts";
export { storyEntropy } from "./entropy.ts";
export type { Entropy } from "./entropy.ts";
export { generateStories, storyStart } from "./generate.ts";
export type { StoryOptions } from "./generate.ts";
export { measureSamples } from "./measure.ts";
export type { SampleMeasure } from "./measure.ts";
export { logProbability, parseSentence, parseStory } from "./parse.ts";
