#!/usr/bin/env bash
# A real Kafka broker for tests: one node in KRaft mode, started from its Maven artifact.
#   scripts/kafka.sh fetch FOLDER        put its libraries into FOLDER/lib; fails without a registry
#   scripts/kafka.sh start FOLDER DATA   start it with its data in DATA; prints host:port
#   scripts/kafka.sh stop DATA           stop it
# A broker that was stopped starts again on the port and with the data that it had.
set -euo pipefail

VERSION=4.1.1

fetch() {
  local folder=$1
  if [ -e "$folder/lib/.$VERSION" ]; then return; fi
  command -v mvn >/dev/null || { echo "there is no mvn" >&2; return 1; }
  rm -rf "$folder/lib"
  mkdir -p "$folder"
  cat > "$folder/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>vocative</groupId><artifactId>broker</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version>
  </dependency></dependencies>
</project>
POM
  # Maven waits long for a registry that is not there.
  timeout 300 mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$folder/lib" >&2
  touch "$folder/lib/.$VERSION"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# It shares the machine with the tests. `exec`, so that its process id is Java's own.
java_kafka() { exec java -Xmx384m -Xms64m -XX:+UseSerialGC -cp "$1/lib/*" "${@:2}"; }

start() {
  local folder=$1 data=$2 port
  if [ ! -e "$data/server.properties" ]; then
    mkdir -p "$data"
    port=$(free_port)
    echo "$port" > "$data/port"
    cat > "$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$(free_port)
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$data/logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
num.io.threads=2
num.network.threads=1
PROPERTIES
    sed -i "s/CONTROLLER_PORT/$(sed -n 's/^controller.quorum.*://p' "$data/server.properties")/" \
      "$data/server.properties"
    (java_kafka "$folder" kafka.tools.StorageTool format --standalone \
      -t AAAAAAAAAAAAAAAAAAAAAQ -c "$data/server.properties" >"$data/format.log" 2>&1)
  fi
  port=$(cat "$data/port")
  java_kafka "$folder" kafka.Kafka "$data/server.properties" >>"$data/server.log" 2>&1 &
  echo $! > "$data/pid"
  for _ in $(seq 240); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "127.0.0.1:$port"
      return
    fi
    kill -0 "$(cat "$data/pid")" 2>/dev/null || break
    sleep 0.25
  done
  tail -n 20 "$data/server.log" >&2
  return 1
}

stop() {
  [ -e "$1/pid" ] || return 0
  kill -9 "$(cat "$1/pid")" 2>/dev/null || true
  while kill -0 "$(cat "$1/pid")" 2>/dev/null; do sleep 0.1; done
  rm -f "$1/pid"
}

"$@"
