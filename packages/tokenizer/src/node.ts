import type { Tokenizer } from "./tokenizer.ts";

export declare function loadTokenizer(path: string): Promise<Tokenizer>;
export declare function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void>;
