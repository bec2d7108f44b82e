import type { Words } from "../en.ts";

export const model: Words["model"] = {
  label: "模型",
  name: "故事",
  about: "一个学会写儿童故事的小型 GPT。它随本页提供，也在本页中计算：任何数据都不会离开你的设备。",
  ofRun: "在此浏览器中训练的 GPT。",
  loading: "正在打开模型…",
  failed: "没有模型",
  parameters: "参数",
  layers: "层数",
  dim: "宽度",
  heads: "每层注意力头",
  contextLength: "上下文",
  vocabSize: "词表",
  tokens: (count) => `${count} 个词元`,
};
