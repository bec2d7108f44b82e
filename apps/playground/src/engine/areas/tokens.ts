import { loadTokenizer } from "@gpt/tokenizer/web";
import type { TokensArea } from "../api/tokens.ts";
import { reply } from "../failure.ts";
import { opened } from "../model-source.ts";
import type { Session } from "../session.ts";
import { transferred } from "../transferred.ts";

export const tokensArea = ({ vocabularies }: Session): TokensArea => ({
  openVocabulary: (place) =>
    reply(async () => {
      const { source, options } = await opened(place);
      vocabularies.set("model", await loadTokenizer(source, options));
    }),
  addVocabulary: (file) => reply(async () => vocabularies.set("own", await loadTokenizer(file))),
  tokenize: async (...question) => transferred(await reply(() => vocabularies.tokenize(...question))),
  explain: (...question) => reply(() => vocabularies.explain(...question)),
});
