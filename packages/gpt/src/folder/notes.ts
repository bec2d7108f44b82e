/**
 * Gets what people should know of a folder that was read: what is in it and was ignored, as Hugging Face's tools do.
 * Each note is one sentence that names the file.
 */
export type OnNote = (note: string) => void;
