// The dumbbell of `npm run bench -- ns3` in ns-3: bulk TCP flows from left to right over one bottleneck.
//
//   left hosts ── access ── router ── bottleneck, drop-tail ── router ── access ── right hosts
//
// Every number comes as name=value from bench/ns3/shape.ts, where both sides have it from. The last line printed is
// JSON. The same network is set up in one of two ways. lean=0 is how ns-3's own examples do it: what its helpers make
// when nothing is asked of them (IPv4 and IPv6, global routing, traffic control above each device, writes of 512 bytes), the
// bottleneck's queue a FifoQueueDisc above a device that holds one frame. lean=1 is what is fastest: no traffic control,
// no IPv6, static routes, one write of the application a segment. Neither has checksums. With count=1 trace sinks count
// frames, retransmissions and round trips; runs that are timed have none, and deliver the same bytes.
#include <ns3/applications-module.h>
#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>
#include <ns3/traffic-control-module.h>
#include <ns3/version-defines.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace ns3;

std::map<std::string, std::string> settings;

const std::string& Setting(const std::string& name) {
  const auto found = settings.find(name);
  if (found == settings.end()) {
    std::fprintf(stderr, "dumbbell: %s=… is missing\n", name.c_str());
    std::exit(2);
  }
  return found->second;
}

uint64_t Number(const std::string& name) { return std::strtoull(Setting(name).c_str(), nullptr, 10); }

bool IsLean() { return Number("lean") != 0; }

// Processor time of this process, user and system.
double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// What the trace sinks have seen.
uint64_t framesAtHosts = 0;

void FrameArrived(Ptr<const Packet>, Ptr<Ipv4>, uint32_t) { framesAtHosts++; }

int64_t MiddleOf(std::vector<int64_t>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// What one sender has put on the wire: a segment that begins before the highest byte so far is a retransmission.
struct Sender {
  uint64_t segments = 0;
  uint64_t retransmitted = 0;
  SequenceNumber32 next{0};
  std::vector<int64_t> roundTripsNs;

  void Sent(Ptr<const Packet> packet, const TcpHeader& header, Ptr<const TcpSocketBase>) {
    if (packet->GetSize() == 0) return;
    segments++;
    const SequenceNumber32 end = header.GetSequenceNumber() + packet->GetSize();
    if (segments == 1 || end > next) {
      next = end;
    } else {
      retransmitted++;
    }
  }

  void RoundTrip(Time, Time sample) { roundTripsNs.push_back(sample.GetNanoSeconds()); }
};

void SetDefaults() {
  const bool isCubic = Setting("cc") == "cubic";
  Config::SetDefault("ns3::TcpL4Protocol::SocketType",
                     TypeIdValue(isCubic ? TcpCubic::GetTypeId() : TcpLinuxReno::GetTypeId()));
  Config::SetDefault("ns3::TcpL4Protocol::RecoveryType", TypeIdValue(TcpPrrRecovery::GetTypeId()));
  Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(Number("mss")));
  Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));
  Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(Number("bufferBytes")));
  Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(Number("bufferBytes")));
  Config::SetDefault("ns3::TcpSocket::DelAckCount", UintegerValue(2));
  Config::SetDefault("ns3::TcpSocket::DelAckTimeout", TimeValue(MilliSeconds(40)));
  Config::SetDefault("ns3::TcpSocketBase::Sack", BooleanValue(true));
  Config::SetDefault("ns3::TcpSocketBase::Timestamp", BooleanValue(true));
  Config::SetDefault("ns3::TcpSocketBase::WindowScaling", BooleanValue(true));
  Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(MilliSeconds(200)));
  Config::SetDefault("ns3::TcpSocketBase::ClockGranularity", TimeValue(MilliSeconds(1)));
}

QueueSizeValue Frames(uint64_t most) { return QueueSizeValue(QueueSize(QueueSizeUnit::PACKETS, most)); }

// Lean: without flow control there is no queue disc: frames wait, and drop, in the device's queue alone.
PointToPointHelper LinkOf(const std::string& which) {
  PointToPointHelper link;
  if (IsLean()) link.DisableFlowControl();
  const bool isDisc = !IsLean() && which == "bottleneck";
  link.SetDeviceAttribute("DataRate", DataRateValue(DataRate(Number(which + "Bps"))));
  link.SetChannelAttribute("Delay", TimeValue(NanoSeconds(Number(which + "DelayNs"))));
  link.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", Frames(isDisc ? 1 : Number(which + "Queue")));
  return link;
}

// The bottleneck's queue, where it is one of traffic control.
QueueDiscContainer InstallFifo(const NetDeviceContainer& devices) {
  TrafficControlHelper control;
  control.SetRootQueueDisc("ns3::FifoQueueDisc", "MaxSize", Frames(Number("bottleneckQueue")));
  return control.Install(devices);
}

// Lean: static routes, a default at each host; the addresses of one side are one route at the other router.
class Dumbbell {
 public:
  explicit Dumbbell(uint32_t pairs) {
    left_.Create(pairs);
    right_.Create(pairs);
    routers_.Create(2);
    InternetStackHelper internet;
    if (IsLean()) {
      internet.SetIpv6StackInstall(false);
      internet.SetRoutingHelper(Ipv4StaticRoutingHelper());
    }
    internet.Install(left_);
    internet.Install(right_);
    internet.Install(routers_);
    const NetDeviceContainer middle = LinkOf("bottleneck").Install(routers_);
    if (!IsLean()) disc_ = InstallFifo(middle).Get(0);
    Ipv4AddressHelper("10.9.0.0", "255.255.255.252").Assign(middle);
    queue_ = DynamicCast<PointToPointNetDevice>(middle.Get(0))->GetQueue();
    Attach(left_, 0, "10.1.0.0");
    addresses_ = Attach(right_, 1, "10.2.0.0");
    if (!IsLean()) {
      Ipv4GlobalRoutingHelper::PopulateRoutingTables();
      return;
    }
    Route(routers_.Get(0), "10.2.0.0", "255.255.0.0", "10.9.0.2", 1);
    Route(routers_.Get(1), "10.1.0.0", "255.255.0.0", "10.9.0.1", 1);
  }

  Ptr<Node> Left(uint32_t i) const { return left_.Get(i); }
  Ptr<Node> Right(uint32_t i) const { return right_.Get(i); }
  Ipv4Address RightAddress(uint32_t i) const { return addresses_[i]; }

  uint64_t Dropped() const {
    return IsLean() ? queue_->GetTotalDroppedPackets() : disc_->GetStats().nTotalDroppedPackets;
  }

  // Bytes that the bottleneck has taken from its queue.
  uint64_t Carried() const { return queue_->GetTotalReceivedBytes() - queue_->GetNBytes(); }

  void CountFrames() const {
    for (const NodeContainer& side : {left_, right_}) {
      for (uint32_t i = 0; i < side.GetN(); i++) {
        const Ptr<Ipv4L3Protocol> ip = side.Get(i)->GetObject<Ipv4L3Protocol>();
        ip->TraceConnectWithoutContext("Rx", MakeCallback(&FrameArrived));
      }
    }
  }

 private:
  std::vector<Ipv4Address> Attach(const NodeContainer& side, uint32_t router, const char* network) {
    Ipv4AddressHelper subnets(network, "255.255.255.252");
    std::vector<Ipv4Address> addresses;
    for (uint32_t i = 0; i < side.GetN(); i++) {
      const NetDeviceContainer ends = LinkOf("access").Install(routers_.Get(router), side.Get(i));
      const Ipv4InterfaceContainer at = subnets.Assign(ends);
      subnets.NewNetwork();
      addresses.push_back(at.GetAddress(1));
      if (IsLean()) StaticRoutes(side.Get(i))->SetDefaultRoute(at.GetAddress(0), 1);
    }
    return addresses;
  }

  static Ptr<Ipv4StaticRouting> StaticRoutes(Ptr<Node> node) {
    return Ipv4StaticRoutingHelper().GetStaticRouting(node->GetObject<Ipv4>());
  }

  static void Route(Ptr<Node> node, const char* to, const char* mask, const char* by, uint32_t port) {
    StaticRoutes(node)->AddNetworkRouteTo(Ipv4Address(to), Ipv4Mask(mask), Ipv4Address(by), port);
  }

  NodeContainer left_;
  NodeContainer right_;
  NodeContainer routers_;
  Ptr<Queue<Packet>> queue_;
  Ptr<QueueDisc> disc_;
  std::vector<Ipv4Address> addresses_;
};

// Flow i: a bulk application on a left host, a sink on the right one, a port of its own.
class Flows {
 public:
  Flows(const Dumbbell& net, bool isCounted) : senders_(Number("flows")) {
    const uint32_t pairs = Number("pairs");
    for (uint32_t i = 0; i < senders_.size(); i++) {
      const uint16_t port = 5001 + i;
      const char* tcp = "ns3::TcpSocketFactory";
      PacketSinkHelper sink(tcp, InetSocketAddress(Ipv4Address::GetAny(), port));
      sinks_.Add(sink.Install(net.Right(i % pairs)));
      BulkSendHelper bulk(tcp, InetSocketAddress(net.RightAddress(i % pairs), port));
      bulk.SetAttribute("MaxBytes", UintegerValue(0));
      if (IsLean()) bulk.SetAttribute("SendSize", UintegerValue(Number("mss")));
      ApplicationContainer source = bulk.Install(net.Left(i % pairs));
      const Time start = NanoSeconds(Number("everyNs") * i);
      source.Start(start);
      if (isCounted) Watch(DynamicCast<BulkSendApplication>(source.Get(0)), start, &senders_[i]);
    }
  }

  uint64_t Delivered() const {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < sinks_.GetN(); i++) {
      bytes += DynamicCast<PacketSink>(sinks_.Get(i))->GetTotalRx();
    }
    return bytes;
  }

  std::vector<Sender>& Senders() { return senders_; }

 private:
  // Its socket is there once it has started.
  static void Watch(Ptr<BulkSendApplication> application, Time start, Sender* sender) {
    Simulator::Schedule(start + NanoSeconds(1), [application, sender] {
      const Ptr<Socket> socket = application->GetSocket();
      socket->TraceConnectWithoutContext("Tx", MakeCallback(&Sender::Sent, sender));
      socket->TraceConnectWithoutContext("RTT", MakeCallback(&Sender::RoundTrip, sender));
    });
  }

  std::vector<Sender> senders_;
  ApplicationContainer sinks_;
};

// What the processor and the sinks have counted by some point of virtual time.
struct Moment {
  double cpu = 0;
  uint64_t frames = 0;
  std::chrono::steady_clock::time_point wall;

  static Moment Now() { return {CpuSeconds(), framesAtHosts, std::chrono::steady_clock::now()}; }
};

void PrintTimes(const Moment& begin, const Moment& half, const Moment& end) {
  const std::chrono::duration<double> wall = end.wall - begin.wall;
  const std::chrono::duration<double> late = end.wall - half.wall;
  std::printf("{\"setUpCpu\":%.6f,\"wall\":%.6f,\"lateWall\":%.6f,", begin.cpu, wall.count(),
              late.count());
  std::printf("\"cpu\":%.6f,\"lateCpu\":%.6f,", end.cpu - begin.cpu, end.cpu - half.cpu);
  std::printf("\"frames\":%lu,\"lateFrames\":%lu,", end.frames, end.frames - half.frames);
}

void PrintNetwork(Flows& flows, const Dumbbell& net) {
  uint64_t segments = 0;
  uint64_t retransmitted = 0;
  std::vector<int64_t> middlesNs;
  for (Sender& sender : flows.Senders()) {
    segments += sender.segments;
    retransmitted += sender.retransmitted;
    middlesNs.push_back(MiddleOf(sender.roundTripsNs));
  }
  std::printf("\"delivered\":%lu,\"segments\":%lu,\"retransmitted\":%lu,\"rttNs\":%ld,",
              flows.Delivered(), segments, retransmitted, MiddleOf(middlesNs));
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("\"dropped\":%lu,\"bottleneckBytes\":%lu,\"events\":%lu,\"peakRss\":%ld}\n", net.Dropped(),
              net.Carried(), Simulator::GetEventCount(), usage.ru_maxrss * 1024);
}

void Run() {
  SetDefaults();
  const bool isCounted = Number("count") != 0;
  const Dumbbell net(Number("pairs"));
  if (isCounted) net.CountFrames();
  Flows flows(net, isCounted);
  const Time duration = NanoSeconds(Number("durationNs"));
  Moment half;
  Simulator::Schedule(NanoSeconds(duration.GetNanoSeconds() / 2), [&half] { half = Moment::Now(); });
  Simulator::Stop(duration);
  const Moment begin = Moment::Now();
  Simulator::Run();
  const Moment end = Moment::Now();
  PrintTimes(begin, half, end);
  PrintNetwork(flows, net);
  Simulator::Destroy();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    std::printf("ns-3.%d, %s build\n", NS3_VERSION_MINOR, NS3_VERSION_BUILD_PROFILE);
    return 0;
  }
  for (int i = 1; i < argc; i++) {
    const char* equals = std::strchr(argv[i], '=');
    if (equals == nullptr) {
      std::fprintf(stderr, "dumbbell: %s is not name=value\n", argv[i]);
      return 2;
    }
    settings[std::string(static_cast<const char*>(argv[i]), equals)] = equals + 1;
  }
  Run();
  return 0;
}
