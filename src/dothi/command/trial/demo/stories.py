"""What simulated citizens report and how it is answered: words as a table, nobody's name, no real address."""

from dataclasses import dataclass

from dothi.citizens import Outcome


@dataclass(frozen=True, slots=True)
class Story:
    """One report from filing to rating."""

    category: str
    words: str
    where: str
    answer: str
    stars: int
    said: str  # With the rating.
    unit: str = "19789"
    outcome: Outcome = Outcome.RESOLVED
    again: str = ""  # Why the reporter re-opens it, once.


NOTE = " (mô phỏng)"

STORIES: tuple[Story, ...] = (
    Story(
        "street_light",
        "Đèn chiếu sáng ở đầu ngõ tắt ba đêm liền, đi lại rất tối.",
        "Đầu ngõ, cạnh bảng tin tổ dân phố",
        "Tổ điện thay bóng LED 80 W và bộ nguồn của cột số 14 lúc 15 giờ, thử sáng ổn định trong hai giờ.",
        5,
        "Làm nhanh, đèn sáng rõ.",
    ),
    Story(
        "waste",
        "Rác tồn đọng quanh điểm tập kết, bốc mùi từ hôm qua.",
        "Điểm tập kết sau chợ",
        "Xe ép chở hết 1,2 tấn, công nhân rửa nền và rắc vôi khử mùi; lịch thu gom tăng thành hai chuyến mỗi ngày.",
        2,
        "Chiều nay lại đầy như cũ.",
        again="Chiều nay thùng lại đầy tràn, mùi còn nặng hơn hôm trước.",
    ),
    Story(
        "road",
        "Mặt đường có ổ gà sâu, xe máy tránh nhau rất nguy hiểm.",
        "Gần ngã ba, làn bên phải",
        "Đội bảo trì cắt vuông 3 mét vuông, đầm đá dăm và thảm lại bằng bê tông nhựa nguội dày 6 cm.",
        4,
        "Đường êm hơn nhiều.",
    ),
    Story(
        "flooding",
        "Cống tắc, mưa nửa giờ là nước tràn lên vỉa hè.",
        "Trước dãy nhà số chẵn",
        "Công nhân nạo 0,8 khối bùn, thay lưới chắn gãy và bơm thử, nước rút hết sau mười phút.",
        5,
        "Cảm ơn các anh.",
    ),
    Story(
        "tree",
        "Cành cây lớn gãy, che khuất biển báo.",
        "Đối diện công viên",
        "Tổ cây xanh cưa hạ cành gãy dài 4 mét, dọn sạch lá và kiểm tra ba cây còn lại trong hàng.",
        5,
        "Gọn gàng.",
    ),
    Story(
        "other",
        "Ghế đá trong công viên bị vỡ một góc sắc.",
        "Lối vào phía bờ sông",
        "Thợ mài tròn cạnh vỡ, trát vữa xi măng và quét sơn; đặt mua hai ghế mới thay trong quý này.",
        3,
        "Tạm được.",
    ),
    Story(
        "noise",
        "Quán mở loa rất to sau mười giờ đêm.",
        "Khu phố ăn uống",
        "Tổ công tác đo 68 dBA lúc 22 giờ 40, lập biên bản nhắc nhở lần một và hẹn đo lại cuối tuần.",
        3,
        "Đỡ hơn một chút.",
        outcome=Outcome.NO_FAULT_FOUND,
    ),
    Story(
        "road",
        "Nắp hố ga kênh, xe chạy qua kêu to cả đêm.",
        "Giữa đoạn qua trường học",
        "Thay gối cao su và chèn vữa không co ngót quanh khung nắp, xe tải chạy thử năm lượt không còn tiếng.",
        4,
        "Ngủ ngon hơn rồi.",
    ),
)

# What an answer adds about its own case: an answer that goes to many reports word for word is refused.
DETAILS: tuple[str, ...] = (
    "Tổ trực ca sáng làm từ {hour} giờ {minute} ngày {day}, ba người, nghiệm thu tại chỗ cùng tổ trưởng dân phố.",
    "Đội hạ tầng đến lúc {hour} giờ {minute} ngày {day}, mang theo hai xe, dọn xong mặt bằng rồi mới bàn giao lại.",
    "Hai công nhân của xí nghiệp có mặt {hour} giờ {minute} ngày {day}, người gửi phản ánh được gọi xem trước khi về.",
    "Việc làm trong {minute} phút sau khi nhận phiếu, ngày {day}; ban điều hành khu phố ký xác nhận kết quả.",
    "Công ty môi trường cử bốn người ngày {day}, bắt đầu {hour} giờ {minute}, chụp ảnh trước và sau theo phiếu giao.",
    "Phòng Kinh tế, hạ tầng kiểm tra lại lúc {hour} giờ {minute} ngày {day} và hẹn theo dõi thêm bảy ngày tiếp theo.",
    "Tổ sửa chữa số hai nhận việc ngày {day}, xong lúc {hour} giờ {minute}, đã ghi vào sổ theo dõi của phường.",
)

# The same lamp again and again: this makes a proposal, and the proposal a task.
LASTING = Story(
    "street_light",
    "Đèn ở lối qua cầu nhỏ lại tắt, tối và trơn khi mưa.",
    "Lối dẫn lên cầu nhỏ, bên trái",
    "Đóng lại áp tô mát bị ngắt, đo điện trở cách điện 0,4 MΩ, quấn băng chịu nước tạm thời chờ thay cáp ngầm.",
    2,
    "Lần nào cũng chỉ được vài hôm.",
)
