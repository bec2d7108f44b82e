import type { TuningTask } from "../../engine/api/tuning.ts";
import type { Locale } from "../../state/locale.ts";

/** Ready data for a first visitor: words that tell the labels apart, answers of a form that is learnt soon. */
export const examples: Readonly<Record<Locale, Record<TuningTask, string>>> = {
  en: {
    labels: `positive\tI love this story.
negative\tI hate this rain.
positive\tWhat a happy day.
negative\tWhat a sad evening.
positive\tThe cake was good.
negative\tThe bread was bad.
positive\tShe is kind and good.
negative\tHe is mean and bad.
positive\tWe had a happy time.
negative\tWe had a sad walk.
positive\tIt was a good game and I love it.
negative\tIt was a bad film and I hate it.
positive\tThe girl was happy and kind.
negative\tThe man was angry and mean.
positive\tI love my kind friend.
negative\tI hate that mean joke.
positive\tThis was a good and happy trip.
negative\tThis was a bad and sad week.
positive\tHe gave me a good gift.
negative\tShe told me a bad lie.
positive\tThe song made me happy.
negative\tThe news made me sad.
positive\tMy mother is kind.
negative\tThe old king is mean.
positive\tI love the good soup.
negative\tI hate the bad smell.
positive\tA happy song and a good day.
negative\tA sad letter and a bad end.
positive\tThe boy was kind to the dog.
negative\tThe fox was mean to the hen.
positive\tI am happy that you came.
negative\tI am angry that you left.
positive\tYou did a good job.
negative\tYou made a bad mistake.
positive\tI love to play here.
negative\tI hate to wait here.
positive\tThe teacher was kind and happy.
negative\tThe driver was mean and angry.
positive\tGood food and kind people.
negative\tBad food and mean people.
positive\tThis place makes me happy.
negative\tThis room makes me sad.
positive\tI love how kind you are.
negative\tI hate how mean they were.
positive\tThe party was good.
negative\tThe hotel was bad.
positive\tWe all love the new house.
negative\tWe all hate the loud noise.
positive\tSuch a kind and happy man.
negative\tSuch a mean and angry man.
positive\tIt works and it is good.
negative\tIt broke and it is bad.
positive\tI love the bright garden.
negative\tI hate the dark cellar.
positive\tHer kind words made my day.
negative\tHis mean words made me cry.
positive\tA good book that I love.
negative\tA bad plan that I hate.
positive\tThe happy children sang.
negative\tThe sad child went away.`,
    messages: `user: Hello!
assistant: Hello, my friend!

user: May I have the red kite?
assistant: Yes, here is the red kite!

user: May I have the blue ball?
assistant: Yes, here is the blue ball!

user: May I have the white feather?
assistant: Yes, here is the white feather!

user: May I have the yellow flower?
assistant: Yes, here is the yellow flower!

user: Thank you!
assistant: You are welcome, my friend!

user: May I have the green hat?
assistant: Yes, here is the green hat!

user: May I have the small drum?
assistant: Yes, here is the small drum!

user: May I have the old lantern?
assistant: Yes, here is the old lantern!

user: May I have the soft blanket?
assistant: Yes, here is the soft blanket!

user: Thank you!
assistant: You are welcome, my friend!

user: May I have the round stone?
assistant: Yes, here is the round stone!

user: May I have the warm coat?
assistant: Yes, here is the warm coat!

user: May I have the sweet apple?
assistant: Yes, here is the sweet apple!

user: May I have the little bell?
assistant: Yes, here is the little bell!

user: Thank you!
assistant: You are welcome, my friend!

user: May I have the gold ring?
assistant: Yes, here is the gold ring!

user: May I have the paper boat?
assistant: Yes, here is the paper boat!

user: May I have the wooden spoon?
assistant: Yes, here is the wooden spoon!

user: May I have the fresh bread?
assistant: Yes, here is the fresh bread!

user: Thank you!
assistant: You are welcome, my friend!

user: Good night!
assistant: Good night, my friend!`,
  },
  "zh-CN": {
    labels: `垃圾\t恭喜您中奖了，请点击链接领取。
正常\t今天晚上一起吃饭吗？
垃圾\t免费领取手机，数量有限！
正常\t我到家了，你放心吧。
垃圾\t贷款无需抵押，当天到账。
正常\t明天下午三点开会，别忘了。
垃圾\t点击网址，立即领取红包。
正常\t妈妈问你周末回不回来。
垃圾\t您的账户异常，请回复密码。
正常\t书我已经放在你桌上了。
垃圾\t低价出售发票，欢迎来电。
正常\t路上堵车，我晚十分钟到。
垃圾\t投资理财，每天赚五百元。
正常\t谢谢你昨天帮我搬家。
垃圾\t限时优惠，全场一折起！
正常\t孩子今天在学校很开心。
垃圾\t加微信领取免费课程。
正常\t下雨了，记得带伞。
垃圾\t兼职刷单，日结工资。
正常\t作业写完了吗？
垃圾\t您已获得大奖，请速联系。
正常\t生日快乐，祝你天天开心！
垃圾\t最后一天，错过再等一年！
正常\t晚饭想吃面还是米饭？
垃圾\t信用卡套现，快速安全。
正常\t我在图书馆二楼等你。
垃圾\t免费试用减肥药，七天见效。
正常\t火车票买好了，是早上八点的。
垃圾\t点击领取您的专属优惠券。
正常\t照片我洗好了，下次给你。
垃圾\t高薪招聘，在家就能赚钱。
正常\t爷爷的身体好多了。
垃圾\t股票内幕消息，加群获取。
正常\t周五的电影你想看哪一部？
垃圾\t恭喜获得免费旅游名额。
正常\t钥匙在门口的盒子里。
垃圾\t办理证件，价格优惠。
正常\t猫又把杯子打翻了。
垃圾\t您的包裹有问题，请点链接处理。
正常\t到了给我打个电话。`,
    messages: `用户：你好！
助手：你好，我的朋友！

用户：可以给我红风筝吗？
助手：可以，给你红风筝！

用户：可以给我蓝皮球吗？
助手：可以，给你蓝皮球！

用户：可以给我白羽毛吗？
助手：可以，给你白羽毛！

用户：可以给我黄花吗？
助手：可以，给你黄花！

用户：谢谢！
助手：不客气，我的朋友！

用户：可以给我绿帽子吗？
助手：可以，给你绿帽子！

用户：可以给我小鼓吗？
助手：可以，给你小鼓！

用户：可以给我旧灯笼吗？
助手：可以，给你旧灯笼！

用户：可以给我软毯子吗？
助手：可以，给你软毯子！

用户：谢谢！
助手：不客气，我的朋友！

用户：可以给我圆石头吗？
助手：可以，给你圆石头！

用户：可以给我厚外套吗？
助手：可以，给你厚外套！

用户：可以给我甜苹果吗？
助手：可以，给你甜苹果！

用户：可以给我小铃铛吗？
助手：可以，给你小铃铛！

用户：谢谢！
助手：不客气，我的朋友！

用户：晚安！
助手：晚安，我的朋友！`,
  },
};
