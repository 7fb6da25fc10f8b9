"""The words a generated day is made of: small lists that are combined into messages which hardly ever repeat."""

from __future__ import annotations

PRODUCTS = """
保温杯 电饭煲 空气炸锅 蓝牙耳机 充电宝 机械键盘 无线鼠标 显示器 路由器 扫地机器人 加湿器 台灯 吹风机 电动牙刷 剃须刀 体重秤 投影仪 平板支架
羽绒服 冲锋衣 牛仔裤 卫衣 衬衫 连衣裙 运动鞋 帆布鞋 登山靴 棉拖 围巾 手套 双肩包 行李箱 钱包 皮带 太阳镜 雨伞 床单 四件套 羽绒被 乳胶枕
毛巾 浴巾 收纳箱 晾衣架 垃圾袋 洗衣液 洗洁精 面膜 洗面奶 防晒霜 口红 香水 坚果礼盒 咖啡豆 茶叶 燕麦片 牛肉干 橄榄油 猫粮 狗粮 猫砂 鱼缸
婴儿车 安全座椅 纸尿裤 积木 拼图 绘本 跑步机 瑜伽垫 哑铃 自行车 帐篷 睡袋 鱼竿 羽毛球拍 篮球 滑板 打印机 硒鼓 办公椅 书桌 书架 窗帘
""".split()

COLOURS = "黑色 白色 灰色 藏青 米白 浅蓝 豆绿 酒红 卡其 香槟金 雾霾蓝 樱花粉".split()
SIZES = "小号 中号 大号 加大号 标准款 升级款 单人份 家庭装 M码 L码 XL码 42码 1.5米 256G".split()
CITIES = """
杭州 成都 武汉 西安 长沙 郑州 青岛 沈阳 昆明 厦门 苏州 合肥 南昌 贵阳 太原 南宁 兰州 海口 大连 宁波 佛山 东莞 温州 无锡 洛阳 桂林 绵阳 保定
""".split()
CARRIERS = "中通 圆通 韵达 顺丰 京东物流 邮政 极兔 申通 德邦".split()
PARTS = "盖子 底座 电源线 拉链 按键 屏幕 包装盒 轮子 把手 内胆 说明书 螺丝 遥控器 滤芯 衣领 鞋底 标签 密封圈".split()
TROUBLES = """
开不了机 充不进电 有划痕 少发了一件 颜色和图片不一样 尺码偏小 尺码偏大 有点掉色 声音很大 一直闪红灯 连不上手机 漏水了 摔坏了一角 线头很多
味道有点重 收到时包装破了 型号发错了 赠品没有收到 用了两天就不转了 缝线开了 屏幕有亮点 电池很快就没电 扣不上 打不开 发热明显
""".split()
TIMES = "今天上午 今天下午 今晚 明天 后天 这周五 下周一 月底前 两天内 48小时内 三到五天 付款后次日".split()

OPENERS = (
    "",
    "",
    "",
    "",
    "亲，",
    "你好，",
    "那个，",
    "请问一下，",
    "我想问，",
    "老板，",
    "哈喽，",
    "嗯，",
    "还有，",
    "另外，",
    "对了，",
    "那",
    "就是说，",
)
QUESTIONS = (
    "{product}的{part}{trouble}，怎么处理", "{colour}的{product}还有货吗", "{product}{size}适合多大的空间用", "订单{order}什么时候发货",
    "我买的{product}到{city}要几天", "{product}{trouble}，可以换一个吗", "{carrier}显示到{city}之后就没动静了", "这款{product}和{other}能一起优惠吗",
    "满{price}减的券为什么用不了", "{product}的{part}能单独买吗", "{time}能送到{city}吗", "退货的运费是谁出呀", "{size}{colour}的{product}什么时候补货",
    "订单{order}可以改地址到{city}吗", "发票抬头能改成公司的吗，订单{order}", "{product}保修多久", "我上次买{product}花了{price}元，现在怎么降价了",
    "{product}怎么清洗{part}", "收到{product}了但是{trouble}", "{carrier}的单号{order}查不到", "想把{colour}换成{other_colour}来得及吗",
    "{product}的{part}装不上去", "能帮我催一下订单{order}吗", "{product}支持七天无理由吗", "预售的{product}{time}能发吗", "我住{city}，{carrier}送不送上门",
    "退款{price}元到账要多久", "{product}和图片上的{part}不太一样", "两件{product}合在一个包裹里发可以吗", "{size}的{product}大概多重",
)  # fmt: skip
QUESTION_ENDS = (
    "",
    "",
    "",
    "呢",
    "呀",
    "啊",
    "？",
    "？",
    "？？",
    "，麻烦看下",
    "，谢谢",
    "～",
    "，有点急",
    "，等着用",
    "，在线等",
    "😂",
    "🙏",
    "！",
)

ANSWER_OPENERS = (
    "", "", "", "亲，", "亲亲，", "好的呢，", "是这样的，", "您放心，", "这边看到，", "帮您看了，", "已经核实了，", "给您说明一下，", "理解您的心情，", "收到，",
)  # fmt: skip
ANSWERS = (
    "{product}的{part}可以单独补发，{time}寄出", "{colour}{size}目前有货，拍下后{time}发出", "您的订单{order}已经由{carrier}揽收，预计{time}到{city}",
    "{product}{trouble}的话支持换货，运费由我们承担", "退款{price}元会原路退回，一般{time}到账", "订单{order}的地址已经改到{city}了", "{product}保修一年，{part}是易损件保修三个月",
    "{product}和{other}一起拍可以用满{price}减的券", "{part}用温水加一点洗洁精擦就可以", "{carrier}那边反馈包裹在{city}中转，{time}会更新", "发票已经按订单{order}重新开具，发到您留的邮箱",
    "{other_colour}{time}到货，可以先帮您登记", "{size}的{product}大约{price}克，收纳起来不占地方", "换货单已经建好，{carrier}{time}上门取件", "这款{product}支持七天无理由，吊牌和{part}保持完好就行",
    "预售款按付款顺序发，您的大概{time}轮到", "{product}连不上的时候先长按{part}五秒，再重新配对", "合并发货没有问题，已经给订单{order}备注", "{city}是送货上门的，{carrier}会提前联系您",
    "优惠券要在结算页勾选，满{price}元才会显示", "已经帮您催了仓库，订单{order}{time}优先出", "{product}的{part}有防伪码，扫一下能看到批次", "差价{price}元按活动规则可以申请价保",
)  # fmt: skip
ANSWER_ENDS = (
    "", "", "", "哦", "呢", "哈", "～", "的", "，您看可以吗", "，请您留意", "，您稍后刷新看看", "😊", "🌹", "，有问题随时说", "，给您添麻烦了", "，辛苦您等一等", "！",
)  # fmt: skip

CHATTER = (
    "我{time}要出差去{city}", "之前那个{product}挺好用的", "朋友也买了{colour}的{product}", "图片我拍给你看", "{part}那里", "订单号{order}", "我在{city}",
    "一共付了{price}元", "是{size}的", "{colour}那件", "刚刚才拆开", "{carrier}昨天送的", "我看评论说{trouble}", "等了好几天了", "家里老人在用", "送人的礼物", "行吧那就{time}",
)  # fmt: skip

GREETINGS = (
    "您好，欢迎光临{shop}，请问有什么可以帮您",
    "亲，您好，我是{shop}的客服，请问需要了解什么",
    "您好呀，很高兴为您服务，请问是哪个订单的问题",
    "早上好，这里是{shop}，请问有什么可以帮到您",
)
SHOPS = "青禾家居 北岸数码 山葵户外 小满母婴 云朵服饰 木棉生活 海盐食品 白桦书房 柚子美妆 石榴宠物 南风厨具 拾光运动".split()
NO_GREETINGS = ("在", "说", "什么问题", "哪个订单")
CONFIRMS = (
    "请问您的订单号是多少",
    "麻烦提供一下订单号，我核实{product}的情况",
    "请问{product}是{colour}的还是{other_colour}的",
    "跟您确认一下，收货地址是{city}对吗",
)
HOLDS = ("请稍等", "请您稍等", "稍等一下", "正在为您查询，请稍等", "好的，这边帮您查一下", "亲，请您稍等哦～")
CLOSINGS = (
    "感谢您的咨询，祝您生活愉快，再见",
    "谢谢您的支持，祝您购物愉快",
    "不客气，感谢您的理解，祝您一切顺利",
    "感谢光临{shop}，欢迎再来",
)
INVITATIONS = ("麻烦您对我的服务做个评价", "稍后邀请您给本次服务打分", "满意的话帮忙点个评价哦", "辛苦您点一下满意度")
COURTESIES = ("好的", "谢谢", "好的谢谢", "嗯嗯", "好的，谢谢", "👌", "知道了", "多谢", "ok", "行")
CARES = ("我这边主动为您申请{price}元的运费券", "这单我会一直跟进，{time}给您回电", "特意为您申请了{part}的免费更换")
PRAISES = ("你们服务真好", "客服态度很好，下次还来买{product}", "太贴心了", "处理得很快，必须给好评")
COMPLAINTS = (
    "质量太差了，{product}{trouble}，我要投诉",
    "等了这么久，太失望了",
    "这不是骗人吗，{trouble}",
    "再这样我就给差评了，订单{order}",
)
APOLOGIES = (
    "非常抱歉给您带来不便，{product}的问题马上处理",
    "实在不好意思，订单{order}是我们的疏忽",
    "对不起让您久等了，{time}一定给您答复",
)

WRONGS: dict[str, tuple[str, ...]] = {
    "forbidden": ("这个我不清楚呢", "不归我管，{part}的问题问仓库", "我不知道呢，{time}再说"),
    "impatience": ("说了多少遍了，{time}发", "你到底要{colour}还是{other_colour}", "刚才说过了，订单{order}在路上"),
    "absolute": ("我们的{product}全网最低价", "这款{product}是最好的", "{colour}的质量是最安全的"),
    "blame": ("这是快递的问题，您找{carrier}", "不是我们的责任，{city}那边的站点弄的", "{trouble}跟我们没关系"),
    "short": ("嗯", "是", "哦"),
    "off_platform": (
        "加我微信给您优惠",
        "亲➕我薇信细聊{product}",
        "加Ｖ.Ｘ：abc{order}",
        "打我手机 138 0013 {price}8",
    ),
    "payment": ("您把差价{price}元转账给我个人就行", "直接支付宝转我吧"),
    "bribe": ("五星好评截图返现{price}元哦", "好评返3元红包，{product}也行"),
    "secrets": ("您把短信验证码发我一下", "麻烦提供一下您的银行卡号和密码"),
    "insult": ("你有病吧", "神 经 病", "你是不是傻子"),
}
"""What an agent must not say, by kind; ``short`` and the first four take points, the others are red lines."""
RED_KINDS = ("off_platform", "payment", "bribe", "secrets", "insult")
INNOCENT = (
    "抱歉，不能加微信哦，{product}的问题在这里说就可以", "可以用微信支付的，满{price}有立减", "请勿提供验证码给任何人", "您说的“最好的”是指{part}吗", "我們的{product}支援七天無理由",
)  # fmt: skip
"""Sentences that only look like violations."""
