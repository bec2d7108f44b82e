import { loadTokenizer } from "@gpt/tokenizer/web";
import type { TokensArea } from "../api/tokens.ts";
import { reply } from "../failure.ts";
import { opened } from "../model-source.ts";
import type { Session } from "../session.ts";
import { transferred } from "../transferred.ts";

export const tokensArea = (session: Session): TokensArea => ({
  openVocabulary: (place) =>
    reply(async () => {
      const { source, options } = await opened(place);
      const tokenizer = await loadTokenizer(source, options);
      // A model that has been opened meanwhile brought its own.
      if (!session.hasModel) session.vocabularies.set("model", tokenizer);
    }),
  addVocabulary: (file) => reply(async () => session.vocabularies.set("own", await loadTokenizer(file))),
  tokenize: async (...question) => transferred(await reply(() => session.vocabularies.tokenize(...question))),
  explain: (...question) => reply(() => session.vocabularies.explain(...question)),
});
