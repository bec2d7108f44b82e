import type { Words } from "../en.ts";

export const share: Words["share"] = {
  label: "分享",
  about: "打开此链接即可重现你看到的内容和设置。文本就写在链接里，不会发送给任何服务器。",
  address: "链接",
  copy: "复制",
  copied: "已复制",
  cut: "有一段文本太长，未包含在链接中。",
};
